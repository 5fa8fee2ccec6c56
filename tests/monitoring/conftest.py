"""A whole stack with Prometheus, in which calls have been placed."""

from collections.abc import Iterator

import pytest

from tests.monitoring.others import Secret, ivr_calls
from tests.monitoring.watched import Watched
from tests.support.stack import running_stack


@pytest.fixture(scope="session")
def watched() -> Iterator[Watched]:
    with running_stack("--monitoring") as stack:
        yield Watched(stack)


@pytest.fixture(scope="session")
def pin(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> Secret:
    """Of a caller who has been through the IVR, when all calls are over."""
    found = ivr_calls(watched, tmp_path_factory.mktemp("ivr"))
    watched.await_calls(0)
    return found
