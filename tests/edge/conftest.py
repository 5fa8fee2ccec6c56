"""One edge for all stories; each has cards, callers and gateways of its own."""

from collections.abc import Iterator

import pytest

from tests.edge.world import EdgeWorld, edge_world


@pytest.fixture(scope="session")
def world() -> Iterator[EdgeWorld]:
    with edge_world(udp_workers=3, pdd_limit_ms=2500, any_reply_ms=1500, ring_limit_ms=3500) as running:
        yield running
