"""What the real keeper does to running calls: the warning, and the end that the edge owes."""

import signal
import socket
import wave
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.edge.parts import ANSWERS, HANGS_UP, calls
from tests.edge.sipp import Step, receive
from tests.edge.world import GATEWAY, MICROS_PER_SECOND, TRUSTED, EdgeWorld, edge_world, wait_for

ENDS = [receive("BYE", timeout_ms=20_000), *HANGS_UP[1:]]
WARNING_PACKETS = 50  # of 20 ms


@pytest.fixture(scope="module")
def kept() -> Iterator[EdgeWorld]:
    with edge_world(udp_workers=2, keeper=True) as running:
        directory = running.directory / "prompts" / "en"
        directory.mkdir(parents=True)
        with wave.open(str(directory / "warning.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(b"\x00\x20\x00\xe0" * 80 * WARNING_PACKETS)  # 4 kHz, audible
        yield running


def ear(address: str) -> socket.socket:
    """Where a far end hears its RTP."""
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.bind((address, 0))
    found.setblocking(False)
    return found


def hearing(steps: list[Step], at: socket.socket) -> list[Step]:
    """The scenario with its media at that socket."""
    return [Step(step.xml.replace("[media_port]", str(at.getsockname()[1]))) for step in steps]


def heard(at: socket.socket) -> int:
    """How many packets came since the last time."""
    packets = 0
    while True:
        try:
            at.recv(2048)
        except BlockingIOError:
            return packets
        packets += 1


def test_the_warning_is_played_to_the_card_holder_and_not_to_the_callee(kept: EdgeWorld) -> None:
    card_id, ani = kept.new_card(6 * MICROS_PER_SECOND)  # less than the product's warning time: at once
    played = kept.keeper_metric("cardswitch_warnings_played_total")
    with closing(ear(TRUSTED)) as holder, closing(ear(GATEWAY)) as callee:
        gateway = kept.gateway(hearing([*ANSWERS, *ENDS], callee))
        caller = kept.caller(hearing([*calls(ani), *ENDS], holder))
        kept.all_as_written(caller, gateway)
        assert heard(holder) >= WARNING_PACKETS
        assert heard(callee) == 0
    assert kept.keeper_metric("cardswitch_warnings_played_total") == played + 1
    assert kept.cdr(card_id)["charge_micros"] == 6 * MICROS_PER_SECOND


def test_a_refill_during_a_call_raises_its_limit_and_is_charged(kept: EdgeWorld) -> None:
    card_id, ani = kept.new_card(6 * MICROS_PER_SECOND)
    gateway = kept.gateway([*ANSWERS, *ENDS])
    caller = kept.caller([*calls(ani), *ENDS])
    wait_for(lambda: "ACK" in gateway.messages())
    assert kept.core.adjust(card_id, 3 * MICROS_PER_SECOND, reference="refill 1", note="by an operator")
    kept.all_as_written(caller, gateway)
    cdr = kept.cdr(card_id)
    assert (cdr["ended_by"], cdr["charge_micros"]) == ("timeout", 9 * MICROS_PER_SECOND)
    assert 9_000_000 <= cdr["ended_us"] - cdr["answered_us"] <= 12_000_000  # whole seconds are asked for, never too few
    assert kept.card(card_id).posted_micros == 0
    assert kept.keeper_metric("cardswitch_calls_lengthened_total") == 1


def test_a_frozen_kamailio_lets_no_call_talk_on_past_its_limit_and_the_books_balance(kept: EdgeWorld) -> None:
    """The keeper takes the media away; Kamailio, when it is back, sends the BYEs."""
    card_id, ani = kept.new_card(2 * MICROS_PER_SECOND)
    gateway = kept.gateway([*ANSWERS, *ENDS], timeout_s=40)
    caller = kept.caller([*calls(ani), *ENDS], timeout_s=40)
    wait_for(lambda: "ACK" in gateway.messages())
    kept.signal_kamailio(signal.SIGSTOP)
    try:
        assert kept.relayed_calls() == 1
        wait_for(lambda: kept.relayed_calls() == 0, 15)
        assert "BYE" not in gateway.messages()
    finally:
        kept.signal_kamailio(signal.SIGCONT)
    kept.all_as_written(caller, gateway)
    cdr = kept.cdr(card_id)
    assert (cdr["outcome"], cdr["charge_micros"]) == ("captured", 2 * MICROS_PER_SECOND)
    assert kept.core.check().ok
