"""A whole stack with Prometheus, in which calls have been placed."""

from collections.abc import Iterator

import pytest

from tests.monitoring.watched import Watched
from tests.support.stack import running_stack


@pytest.fixture(scope="session")
def watched() -> Iterator[Watched]:
    with running_stack("--monitoring") as stack:
        yield Watched(stack)
