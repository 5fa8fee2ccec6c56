"""One edge for all stories; each has cards, callers and gateways of its own."""

from collections.abc import Iterator

import pytest

from tests.edge.world import EdgeWorld, edge_world


@pytest.fixture(scope="session")
def world() -> Iterator[EdgeWorld]:
    # A call may meet the ledger's time-out twice (directory, authorise), and tm gives up after four seconds.
    limits = {"pdd_limit_ms": 2500, "any_reply_ms": 1500, "ring_limit_ms": 3500}
    with edge_world(udp_workers=3, ledger_timeout_s=1.5, **limits) as running:
        yield running
