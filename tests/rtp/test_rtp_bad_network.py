"""A thousand PINs through a bad network into a real worker: none misread, none incomplete.

Between the callers' sockets and the worker stands a relay (``relay.py``) that loses, delays and reorders packets both
ways; this kernel could not (it has no netem).
"""

import random
from collections.abc import Iterator

import pytest

from mediasrv.rtp.client import Digit, RtpClient, RtpEvent, RtpPort, RtpSettings
from tests.rtp.caller import EVENT_TYPE, Caller, key_packets, next_event
from tests.rtp.ports import free_port_range
from tests.rtp.relay import Address, Relay, Sending, Weather

CALLS = 125
PINS_PER_CALL = 8
PIN_MS = 1000
WEATHER = Weather(loss=0.05, reordered=0.03, jitter_ms=60)
TONE_MS, KEY_MS = 40, 80  # the shortest keys there are: 40 ms, 40 ms apart
SEED = 20_260


def phone(caller: Caller, relay: Address, pins: list[str], start_ms: int) -> Iterator[Sending]:
    """What a caller's phone sends while the PINs are keyed in, one a second."""
    sequence = 0
    for place, pin in enumerate(pins):
        for i, key in enumerate(pin):
            at_ms = start_ms + place * PIN_MS + i * KEY_MS
            for n, packet in enumerate(key_packets(key, timestamp=at_ms * 8, sequence=sequence, tone_ms=TONE_MS)):
                yield Sending((at_ms + min(n, 2) * 20) / 1000, caller.socket, relay, bytes(packet))
            sequence += 5


@pytest.fixture
def callers() -> Iterator[list[Caller]]:
    callers = [Caller() for _ in range(CALLS)]
    yield callers
    for caller in callers:
        caller.close()


async def heard_by(port: RtpPort, keys: int) -> list[RtpEvent]:
    return [await next_event(port) for _ in range(keys)]


async def connect(client: RtpClient, network: Relay, caller: Caller) -> tuple[RtpPort, Address]:
    """A call whose media passes the relay; on hold, for a prompt to each would only be work for the relay."""
    port = await client.open()
    relay = network.between(caller.address, (port.address, port.port))
    await port.connect(relay, payload_type=0, event_payload_type=EVENT_TYPE)
    await port.hold(True)
    return port, relay


async def test_a_thousand_pins_arrive_through_loss_reordering_and_jitter(callers: list[Caller]) -> None:
    chance = random.Random(SEED)
    pins = [["".join(chance.choices("0123456789", k=10)) for _ in range(PINS_PER_CALL)] for _ in callers]
    network = Relay(WEATHER, SEED)
    async with RtpClient(RtpSettings("127.0.0.1", *free_port_range(2 * CALLS))) as client:
        calls = [await connect(client, network, caller) for caller in callers]
        network.send(
            sending
            for i, (caller, (_, relay)) in enumerate(zip(callers, calls, strict=True))
            for sending in phone(caller, relay, pins[i], i * PIN_MS // CALLS)
        )
        with network:
            heard = [await heard_by(port, 10 * PINS_PER_CALL) for port, _ in calls]
        assert all(port.events.empty() for port, _ in calls)
    for its_pins, events in zip(pins, heard, strict=True):
        assert events == [Digit(key, "rfc4733") for key in "".join(its_pins)]
    packets = network.total("taken")
    assert packets >= 50 * CALLS * PINS_PER_CALL
    assert 0.04 < network.total("lost") / packets < 0.06
    assert 0.02 < network.total("held") / packets < 0.04
    assert network.total("overtaken") / packets > 0.03
