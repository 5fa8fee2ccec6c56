"""The main job through the whole chain, with callers that share no code with it."""

from pathlib import Path

import pytest

from console.demo.audio import RATE, Recording, find_part, read_wav
from console.demo.listener import Listener
from console.demo.network import ACCESS_NUMBER, DECKS, DESTINATION, NOWHERE, OPEN_TRUNK, TRUSTED_TRUNK
from console.demo.recompute import price
from console.stack.gateway import render_speech, repeat
from console.stack.plan import OPEN_CALLER_HOST, TRUSTED_CALLER_HOST
from console.stack.ports import free_port
from tests.e2e.telephone import Telephone
from tests.edge.sipp import Sipp, Step, ack, ack_refusal, invite, pause, receive, request
from tests.support.stack import PROMPT_CACHE, RunningStack, await_true

REGISTERED, STRANGER = "12025550171", "13035550172"
VALUE = 2_000_000


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """What a telephone says: long enough for a call."""
    once = tmp_path / "once.wav"
    render_speech("This is a telephone speaking to whoever listens at the far end.", once)
    repeat(once, tmp_path / "speech.wav", 120)
    return tmp_path / "speech.wav"


def sipp_caller(stack: RunningStack, steps: list[Step], directory: Path, *, host: str = TRUSTED_CALLER_HOST) -> Sipp:
    caller = Sipp("caller", steps, host, directory, remote=stack.edge)
    caller.start()
    assert caller.wait() == 0, caller.trouble()
    return caller


def connected_call(number: str, ani: str, talk_ms: int) -> list[Step]:
    return [
        invite(number, ani),
        receive(100, optional=True),
        receive(180, optional=True),
        receive(183, optional=True),
        receive(200, rrs=True),
        ack(number, ani),
        pause(talk_ms),
        request("BYE", number, ani),
        receive(200),
    ]


def refused_call(number: str, ani: str, status: int) -> list[Step]:
    return [invite(number, ani), receive(100, optional=True), receive(status), ack_refusal(number, ani)]


def test_registered_caller_is_connected_and_charged(stack: RunningStack, tmp_path: Path) -> None:
    """SIPp, INVITE → 200 → BYE: the CDR's seconds, the charge by the deck, the balance, nothing held."""
    ani = "12025550181"
    _, card_id = stack.issue(VALUE, ani=ani)
    sipp_caller(stack, connected_call(f"011{DESTINATION}", ani, 2300), tmp_path)
    record = stack.await_record(card_id)
    assert (record["dnis"], record["ani"], record["trunk"]) == (DESTINATION, ani, TRUSTED_TRUNK)
    assert record["seconds"] == 3
    assert record["ended_by"] == "caller"
    assert record["charge_micros"] == price(DECKS / "retail.csv", DESTINATION, 3).charge_micros
    card = stack.card(card_id)
    assert (card.posted_micros, card.held_micros) == (VALUE - record["charge_micros"], 0)


def test_unknown_source_is_refused(stack: RunningStack, tmp_path: Path) -> None:
    """An address of no trunk gets 403, whoever it says it is, and no card is touched."""
    ani = "12025550182"
    _, card_id = stack.issue(VALUE, ani=ani)
    sipp_caller(stack, refused_call(f"011{DESTINATION}", ani, 403), tmp_path, host="127.0.0.77")
    assert stack.core.cdrs(card_id=card_id) == []
    assert stack.card(card_id).posted_micros == VALUE


def test_unknown_destination_is_refused(stack: RunningStack, tmp_path: Path) -> None:
    """No rate: 404, and nothing is charged or held."""
    ani = "12025550183"
    _, card_id = stack.issue(VALUE, ani=ani)
    sipp_caller(stack, refused_call(f"011{NOWHERE}", ani, 404), tmp_path)
    card = stack.card(card_id)
    assert (card.posted_micros, card.held_micros) == (VALUE, 0)


def test_empty_card_is_refused(stack: RunningStack, tmp_path: Path) -> None:
    """An empty card: 402, nothing is charged or held."""
    ani = "12025550184"
    _, card_id = stack.issue(VALUE, ani=ani)
    assert stack.core.adjust(card_id, -VALUE, reference="e2e-empty", note="emptied")
    sipp_caller(stack, refused_call(f"011{DESTINATION}", ani, 402), tmp_path)
    card = stack.core.check()
    assert card.held == 0


def test_two_calls_of_one_card(stack: RunningStack, tmp_path: Path) -> None:
    """Two calls of one card at once: each holds its own money, both are charged, nothing is held afterwards."""
    ani, value = "12025550185", 10_000_000
    _, card_id = stack.issue(value, ani=ani)
    steps = connected_call(f"011{DESTINATION}", ani, 1500)
    ports = {"one": free_port(TRUSTED_CALLER_HOST), "two": free_port(TRUSTED_CALLER_HOST)}
    both = [
        Sipp(name, steps, TRUSTED_CALLER_HOST, tmp_path / name, remote=stack.edge, port=port).start()
        for name, port in ports.items()
    ]
    assert [caller.wait() for caller in both] == [0, 0], both[0].trouble() + both[1].trouble()
    await_true(lambda: stack.card(card_id).held_micros == 0, "nothing is held any more")
    records = stack.core.cdrs(card_id=card_id)
    assert len(records) == 2
    assert sum(record["charge_micros"] for record in records) == value - stack.card(card_id).posted_micros > 0


def test_baresip_registered_caller_talks(stack: RunningStack, tmp_path: Path, speech: Path) -> None:
    """A real telephone, no PIN: it hears the far end, the far end hears it, the call is charged."""
    ani = "12025550186"
    _, card_id = stack.issue(VALUE, ani=ani)
    far_end = stack.run.gateway / "heard"
    before = set(far_end.glob("*-dec.wav"))
    with Telephone(TRUSTED_CALLER_HOST, ani, speech, tmp_path / "phone") as phone:
        phone.dial(f"011{DESTINATION}", stack.edge)
        phone.await_event("CALL_ESTABLISHED")
        await_true(lambda: len(phone.heard()) > 5 * RATE, "five seconds are heard")
        phone.hang_up()
        phone.await_event("CALL_CLOSED")
        record = stack.await_record(card_id)
    assert find_part(read_wav(stack.run.gateway / "speech.wav"), phone.heard()).likeness > 0.8
    (recorded,) = set(far_end.glob("*-dec.wav")) - before
    assert find_part(read_wav(tmp_path / "once.wav"), read_wav(recorded)).likeness > 0.8
    assert record["charge_micros"] == price(DECKS / "retail.csv", DESTINATION, record["seconds"]).charge_micros


def test_baresip_pin_caller_is_connected(stack: RunningStack, tmp_path: Path, speech: Path) -> None:
    """A real telephone on the open trunk: language, PIN and number as RFC 4733 keys; then the far end."""
    card, card_id = stack.issue(VALUE)
    with Telephone(OPEN_CALLER_HOST, STRANGER, speech, tmp_path / "phone") as phone:
        phone.dial(ACCESS_NUMBER, stack.edge)
        phone.await_event("CALL_ESTABLISHED")
        listener = Listener(PROMPT_CACHE, "en", ("es/language_choice",))

        def hears(name: str) -> bool:
            return any(match.name == name for match in listener.hears(phone.heard()))

        await_true(lambda: hears("en/welcome"), "the welcome is heard")
        phone.press("1")
        await_true(lambda: hears("en/pin_ask"), "the PIN is asked for")
        phone.press(card.pin + "#")
        await_true(lambda: hears("en/balance"), "the balance is heard")
        phone.press(f"011{DESTINATION}#")
        far_end = read_wav(stack.run.gateway / "speech.wav")[: 3 * RATE]
        await_true(
            lambda: Recording(phone.heard()[-8 * RATE :]).find(far_end).likeness > 0.8,
            "the far end is heard",
            timeout_s=40,
        )
        phone.hang_up()
        phone.await_event("CALL_CLOSED")
    record = stack.await_record(card_id)
    assert (record["trunk"], record["access_number"], record["dnis"]) == (OPEN_TRUNK, ACCESS_NUMBER, DESTINATION)
    assert record["charge_micros"] == price(DECKS / "retail.csv", DESTINATION, record["seconds"]).charge_micros
    assert stack.card(card_id).posted_micros == VALUE - record["charge_micros"]
    assert no_file_holds(stack, card.pin)


def no_file_holds(stack: RunningStack, pin: str) -> bool:
    """The canary: a PIN that was issued and keyed in is in no log, journal, metric or configuration."""
    files = [
        file
        for file in stack.run.path.rglob("*")
        if file.is_file() and not file.is_relative_to(stack.run.mariadb) and file.suffix != ".wav"
    ]
    assert files
    leaks = [str(file) for file in files if pin.encode() in file.read_bytes()]
    assert leaks == []
    return True


def test_ledger_adds_up(stack: RunningStack) -> None:
    """After all of it: issued + refilled − charged − fees = posted, nothing is held."""
    await_true(lambda: stack.core.check().held == 0, "nothing is held any more")
    check = stack.core.check()
    assert check.ok, check.problems
    assert check.issued + check.refilled - check.charged - check.fees == check.posted
