"""The digits of connected calls: rtpengine hears them (RFC 4733) and says so in JSON over UDP.

rtpengine sends them all to one place, and tells each key once for each leg that it passes: what counts is the caller's
own leg, known by its Call-ID and the caller's tag.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

from mediasrv.settings import Address

log = logging.getLogger("mediasrv.dtmf")

EVENT_KEYS = "0123456789*#ABCD"  # RFC 4733 3.2: the events 0 to 15

OnKey = Callable[[str, str, str], None]  # Call-ID, tag of who pressed it, key


def parse(datagram: bytes) -> tuple[str, str, str] | None:
    """(Call-ID, tag, key), or None when it is no key."""
    try:
        event: Any = json.loads(datagram)
        number = int(event["event"])
        return (str(event["callid"]), str(event["source_tag"]), EVENT_KEYS[number]) if 0 <= number <= 15 else None
    except (ValueError, KeyError, TypeError):
        return None


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, on_key: OnKey) -> None:
        self._on_key = on_key

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:  # noqa: ARG002
        if found := parse(data):
            self._on_key(*found)


async def listen(address: Address, on_key: OnKey) -> asyncio.DatagramTransport:
    """Until the transport is closed. Raises OSError when the address is taken."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Listener(on_key), local_addr=address)
    return transport
