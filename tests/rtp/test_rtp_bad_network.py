"""A thousand PINs through a bad network into a real worker: none misread, none incomplete."""

import asyncio
import random
from dataclasses import dataclass

from mediasrv.rtp.client import Digit, RtpClient, RtpPort, RtpSettings
from tests.rtp.caller import EVENT_TYPE, Caller, key_packets, next_event
from tests.rtp.ports import free_port_range

CALLS = 200
PINS_PER_CALL = 5
PIN_MS = 1000
LOSS, REORDERED, JITTER_MS = 0.05, 0.03, 60
TONE_MS, KEY_MS = 40, 80


@dataclass(frozen=True, slots=True, order=True)
class Arrival:
    """A packet on its way to a call."""

    at_ms: float
    call: int
    data: bytes


def travel(pin: str, call: int, start_ms: int, chance: random.Random) -> list[Arrival]:
    """The packets of a PIN as the network lets them arrive; a reordered one is overtaken by the next two."""
    arrivals = []
    for i, key in enumerate(pin):
        timestamp = (start_ms + i * KEY_MS) * 8
        for n, packet in enumerate(key_packets(key, timestamp=timestamp, tone_ms=TONE_MS)):
            if chance.random() >= LOSS:
                held_ms = 40 if chance.random() < REORDERED else 0
                sent_ms = start_ms + i * KEY_MS + min(n, 2) * 20
                arrivals.append(Arrival(sent_ms + chance.uniform(0, JITTER_MS) + held_ms, call, bytes(packet)))
    return arrivals


async def deliver(arrivals: list[Arrival], caller: Caller, ports: list[RtpPort]) -> None:
    """Sends every packet at its time."""
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    for arrival in sorted(arrivals):
        wait_s = start_s + arrival.at_ms / 1000 - loop.time()
        if wait_s > 0.001:
            await asyncio.sleep(wait_s)
        caller.send(ports[arrival.call], arrival.data)


async def test_a_thousand_pins_arrive_through_loss_reordering_and_jitter(caller: Caller) -> None:
    """The shortest keys there are: 40 ms, 40 ms apart."""
    chance = random.Random(200)
    async with RtpClient(RtpSettings("127.0.0.1", *free_port_range(2 * CALLS))) as client:
        ports = [await client.open() for _ in range(CALLS)]
        for port in ports:
            await port.connect(caller.address, payload_type=0, event_payload_type=EVENT_TYPE)
            await port.hold(True)
        pins = [["".join(chance.choices("0123456789", k=10)) for _ in range(PINS_PER_CALL)] for _ in ports]
        arrivals = [
            arrival
            for call, its_pins in enumerate(pins)
            for i, pin in enumerate(its_pins)
            for arrival in travel(pin, call, i * PIN_MS + call, chance)
        ]
        await deliver(arrivals, caller, ports)
        heard = [[await next_event(port) for _ in range(10 * PINS_PER_CALL)] for port in ports]
    for its_pins, events in zip(pins, heard, strict=True):
        assert events == [Digit(key, "rfc4733") for key in "".join(its_pins)]
