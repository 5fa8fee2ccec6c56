"""A real worker process with its client, and callers."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio

from mediasrv.rtp.client import RtpClient, RtpPort, RtpSettings
from tests.rtp.caller import EVENT_TYPE, Caller
from tests.rtp.ports import free_port_range


@pytest_asyncio.fixture
async def client() -> AsyncIterator[RtpClient]:
    """One worker with room for twenty calls."""
    async with RtpClient(RtpSettings("127.0.0.1", *free_port_range(40))) as client:
        yield client


@pytest.fixture
def new_caller() -> Iterator[Callable[[], Caller]]:
    """Makes callers, whose sockets are closed afterwards."""
    callers: list[Caller] = []

    def make() -> Caller:
        callers.append(Caller())
        return callers[-1]

    yield make
    for caller in callers:
        caller.close()


@pytest.fixture
def caller(new_caller: Callable[[], Caller]) -> Caller:
    """One caller."""
    return new_caller()


@pytest_asyncio.fixture
async def port(client: RtpClient, caller: Caller) -> RtpPort:
    """A µ-law call connected to ``caller``, with telephone events."""
    port = await client.open(law="PCMU")
    await port.connect(caller.address, payload_type=0, event_payload_type=EVENT_TYPE)
    return port
