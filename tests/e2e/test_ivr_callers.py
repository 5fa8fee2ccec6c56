"""Callers through the real Kamailio and the real IVR: three makes of telephone, keys in three ways.

What is heard is recorded on the caller's side and recognised by its sound. Each story has a card and a CallerID of its
own; the stack is one, and the stories happen at the same time, because people listen slowly.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.demo.audio import RATE, find_part, read_wav, write_wav
from console.demo.network import ACCESS_NUMBER, DEAR_DESTINATION, DESTINATION
from console.demo.phone import Phone
from console.stack.gateway import render_speech
from console.stack.plan import GATEWAY_HOST, OPEN_CALLER_HOST, TRUSTED_CALLER_HOST
from console.stack.ports import free_block
from console.stack.probe import http_get
from mediasrv.prompts.wav import read
from rating.model import Card
from tests.e2e.announcer import Announcer
from tests.e2e.callers import (
    Baresip,
    Few,
    Handset,
    SippCall,
    Wire,
    heard_at,
    heard_prompt,
    in_band_only,
    recorded,
    run_sipp,
    speak,
    write_tones,
)
from tests.edge.sipp import pause
from tests.support.stack import CURRENCY, PROMPT_CACHE, RunningStack, await_true

FIVE = 5_000_000
OWN_ACCESS_NUMBER = "12025550177"
NUMBER = f"011{DESTINATION}#"
ISLANDS = "68222123"
ALIKE = 0.8
PYVOIP_HEARS = tuple(
    f"en/{name}"
    for name in (
        "pin_ask", "usd-5", "connecting", "balance", "option_balance", "option_back",
        "speed_dial_ask", "speed_dial_done", "destination_next",
    )
)  # fmt: skip


@contextmanager
def softphone(stack: RunningStack, directory: Path) -> Iterator[Phone]:
    """pyVoIP, on the trunk that may not assert CallerIDs."""
    bind = f"{OPEN_CALLER_HOST}:{free_block(OPEN_CALLER_HOST, 64)}"
    found = Phone(
        bind,
        stack.edge,
        directory,
        listener=Few(PROMPT_CACHE, *PYVOIP_HEARS),
        environment=dict(os.environ),
        log=directory / "softphone.log",
        tell=lambda _: None,
    )
    try:
        yield found
    finally:
        found.close()


def announcement(stack: RunningStack) -> Path:
    return stack.run.gateway / "announcement.wav"


def gateway_speech(stack: RunningStack) -> Path:
    return stack.run.gateway / "speech.wav"


def destinations(stack: RunningStack, card_id: int, count: int) -> list[str]:
    """Whom the card called, once so many calls are settled."""
    await_true(lambda: len(stack.core.cdrs(card_id=card_id)) == count, f"{count} calls are settled")
    assert stack.card(card_id).held_micros == 0
    return [record["dnis"] for record in stack.core.cdrs(card_id=card_id)]


def pyvoip_hears_a_new_recording_and_stores_a_number(stack: RunningStack, tmp_path: Path) -> None:
    """RFC 4733; an access number whose welcome is dropped into the running node; barge-in, ##, speed-dial."""
    with softphone(stack, tmp_path) as phone:
        _pyvoip(stack, phone, tmp_path)


def _pyvoip(stack: RunningStack, phone: Phone, tmp_path: Path) -> None:
    card, card_id = stack.issue(FIVE)
    speech = tmp_path / "speech.wav"
    render_speech("This is the caller speaking. One, two, three, four, five.", speech)
    own_welcome = stack.run.recordings / "en" / f"welcome-{OWN_ACCESS_NUMBER}.wav"
    own_welcome.parent.mkdir(exist_ok=True)
    render_speech("Capital Calling, at your service in Washington.", own_welcome)
    write_wav(tmp_path / "its-end.wav", read_wav(own_welcome)[-RATE * 3 // 2 :])  # a busy softphone may miss its start
    phone.dial(OWN_ACCESS_NUMBER, ani="13035550101", name="pyvoip", say=speech)
    phone.expect("answered")
    phone.await_sound(tmp_path / "its-end.wav", what="the access number's own welcome")
    phone.await_heard("en/pin_ask")  # no menu: this access number has one language
    phone.press(card.pin + "#", secret=True)
    phone.await_heard("en/usd-5")
    phone.press(NUMBER)
    phone.await_heard("en/connecting")
    phone.await_sound(gateway_speech(stack), what="the far end")
    phone.press("##")
    phone.await_heard("en/balance")
    phone.press("0#")
    phone.await_heard("en/option_balance")  # barge-in: the rest of the menu is not waited for
    phone.press("4")
    phone.await_heard("en/speed_dial_ask")
    phone.press("7")
    phone.await_heard("en/speed_dial_done")
    phone.await_heard("en/destination_next")
    phone.press("7#")
    phone.await_heard("en/connecting")
    phone.await_sound(gateway_speech(stack), what="the far end again")
    phone.hang_up()
    assert destinations(stack, card_id, 2) == [DESTINATION] * 2
    assert "en/option_back" not in [match.name for match in phone.heard]


def baresip_takes_its_time_and_registers_its_callerid(stack: RunningStack, tmp_path: Path) -> None:
    """RFC 4733, first-digit and inter-digit time-outs, an offer accepted, and no PIN asked in the next call."""
    ani = "12025550142"
    card, card_id = stack.issue(FIVE)
    caller = Baresip(TRUSTED_CALLER_HOST, stack.edge, ani, tmp_path / "baresip")
    try:
        caller.dial(ACCESS_NUMBER)
        caller.hears("en/welcome")
        caller.press("1")
        asked = caller.hears("en/pin_ask")
        nothing = caller.hears("en/nothing_heard")
        assert nothing.at_s - (asked.at_s + asked.length_s) > 5.0
        asked = caller.hears("en/pin_ask", since_s=nothing.at_s + nothing.length_s)
        caller.press(card.pin)  # no "#": complete when no more digits come
        caller.hears("en/usd-5")
        caller.press(NUMBER)
        caller.hears("en/connecting")
        await_true(lambda: find_part(read_wav(gateway_speech(stack)), caller.heard()).likeness > ALIKE, "the far end")
        caller.press("##")
        caller.hears("en/register_offer")
        caller.press("1")
        caller.hears("en/register_done")
        caller.hang_up()
        assert destinations(stack, card_id, 1) == [DESTINATION]
        registered = stack.core.card_by_ani(ani)
        assert isinstance(registered, Card)
        assert registered.card_id == card_id

        caller.dial(ACCESS_NUMBER)
        caller.hears("en/balance")
        assert Few(PROMPT_CACHE, "en/pin_ask").hears(caller.heard()) == []
        caller.hang_up()
    finally:
        caller.close()


def sipp_dials_a_destination_and_answers_in_spanish(stack: RunningStack, tmp_path: Path) -> None:
    """SIP INFO; a destination dialled without a registered CallerID: the PIN is asked, the number not again.

    The caller's handset records what is heard.
    """
    card, card_id = stack.issue(FIVE)
    handset, call = Handset(OPEN_CALLER_HOST), SippCall(f"011{DEAR_DESTINATION}", "13035550103")
    # A caller who listens before he answers; keys would be kept, were he quicker.
    steps = [*call.answered(), pause(2000), *call.keys_by_info("2", 2), pause(6000)]
    steps += [*call.keys_by_info(card.pin + "#", 3), *call.connected(talk_ms=4000), *call.hang_up(60)]
    sipp = run_sipp(heard_at(steps, handset.port), OPEN_CALLER_HOST, stack.edge, tmp_path)
    try:
        assert sipp.wait() == 0, sipp.trouble()
        for name in ("en/welcome", "es/pin_ask", "es/balance", "es/usd-5", "es/minutes", "es/minutes-11"):
            heard_prompt(handset.heard, name)
        assert find_part(read_wav(gateway_speech(stack)), handset.heard()).likeness > ALIKE
    finally:
        sipp.stop()
        handset.close()
    assert destinations(stack, card_id, 1) == [DEAR_DESTINATION]
    assert stack.card(card_id).language == "es"


def sipp_keys_ahead_in_its_own_sound(stack: RunningStack, tmp_path: Path) -> None:
    """In-band tones in SIPp's own RTP, typed ahead without a pause; the far end hears what SIPp says afterwards.

    SIPp keeps nothing of what it hears, so that is read from the wire.
    """
    card, card_id = stack.issue(FIVE)
    speech, sound = tmp_path / "speech.wav", tmp_path / "sound.ulaw"
    render_speech(
        "This is SIPp speaking, in a call that was dialled by sound alone. Can you hear me at the far end?", speech
    )
    write_tones(sound, "1" + card.pin + "#" + NUMBER, then=read(speech.read_bytes())[0])
    call, began = SippCall(ACCESS_NUMBER, "13035550104"), time.time()
    steps = in_band_only([*call.answered(), speak(sound), *call.connected(talk_ms=9000), *call.hang_up(2)])
    media_port = free_block(OPEN_CALLER_HOST, 4)
    wire = Wire(media_port) if os.geteuid() == 0 else None
    sipp = run_sipp(steps, OPEN_CALLER_HOST, stack.edge, tmp_path, media_port=media_port)
    try:
        assert sipp.wait() == 0, sipp.trouble()
        if wire is None:
            print("what SIPp heard is not looked at: reading from the wire takes root")
        else:
            heard_prompt(wire.heard, "en/connecting")
            assert find_part(read_wav(gateway_speech(stack)), wire.heard()).likeness > ALIKE
    finally:
        sipp.stop()
        if wire is not None:
            wire.close()
    assert destinations(stack, card_id, 1) == [DESTINATION]
    recordings = [file for file in (stack.run.gateway / "heard").glob("*-dec.wav") if file.stat().st_mtime >= began]
    assert max(find_part(read_wav(speech), recorded(file)).likeness for file in recordings) > ALIKE


def sipp_hears_an_announcement_before_the_call_is_refused(stack: RunningStack, tmp_path: Path) -> None:
    """Early media (183) of the far end reaches the caller; after its 486 the IVR has the caller back and says why."""
    card, card_id = stack.issue(FIVE)
    handset, call = Handset(OPEN_CALLER_HOST), SippCall(f"011{ISLANDS}", "13035550105")
    steps = [*call.answered(), pause(2000), *call.keys_by_info("1", 2), pause(2000)]
    steps += [*call.keys_by_info(card.pin + "#", 3), *call.connected(talk_ms=0), *call.connected(talk_ms=4000)]
    sipp = run_sipp(heard_at([*steps, *call.hang_up(60)], handset.port), OPEN_CALLER_HOST, stack.edge, tmp_path)
    try:
        assert sipp.wait() == 0, sipp.trouble()
        assert find_part(read_wav(announcement(stack)), handset.heard()).likeness > ALIKE
        heard_prompt(handset.heard, "en/call_busy")
    finally:
        sipp.stop()
        handset.close()
    (record,) = stack.core.cdrs(card_id=card_id)
    assert (record["outcome"], stack.card(card_id).posted_micros) == ("void", FIVE)


STORIES = (
    pyvoip_hears_a_new_recording_and_stores_a_number,
    baresip_takes_its_time_and_registers_its_callerid,
    sipp_dials_a_destination_and_answers_in_spanish,
    sipp_keys_ahead_in_its_own_sound,
    sipp_hears_an_announcement_before_the_call_is_refused,
)
Story = Callable[[RunningStack, Path], None]


@pytest.fixture(scope="module")
def told(
    stack: RunningStack, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    """The stories that were asked for, all begun."""
    render_speech("The subscriber is speaking to somebody else. Please call again later.", announcement(stack))
    announcer = Announcer(GATEWAY_HOST, free_block(GATEWAY_HOST, 2), read_wav(announcement(stack)))
    add_carrier(stack, announcer.uri)
    add_own_access_number(stack)
    asked = {item.name for item in request.session.items}
    with ThreadPoolExecutor(len(STORIES)) as pool:
        yield {
            story.__name__: pool.submit(story, stack, tmp_path_factory.mktemp(story.__name__.partition("_")[0]))
            for story in STORIES
            if f"test_a_caller[{story.__name__}]" in asked
        }
    announcer.close()


def add_carrier(stack: RunningStack, gateway: str) -> None:
    """For one destination, and cheaper than the others."""
    deck = stack.run.path / "islands.csv"
    deck.write_text("prefix,destination,rate_per_minute\n682,Cook Islands,0.001\n")
    core = stack.core
    core.import_deck("carrier-islands", deck, CURRENCY)
    core.add_gateway(core.add_carrier("islands", deck="carrier-islands", currency=CURRENCY), gateway)


def add_own_access_number(stack: RunningStack) -> None:
    """Returns when the edge knows it."""

    def version() -> str:
        answer = http_get(stack.http("edge"), "/metrics")
        found = re.search(r"(?m)^cardswitch_edge_directory_version.* (\S+)$", answer[1]) if answer else None
        return found[1] if found else ""

    before = version()
    stack.core.add_access_number(OWN_ACCESS_NUMBER, "Capital Calling", country="US", languages=("en",))
    await_true(lambda: version() not in ("", before), "the edge knows the new access number")


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_caller(story: Story, told: dict[str, Future[None]]) -> None:
    told[story.__name__].result(timeout=120)


def test_the_books_agree_afterwards(stack: RunningStack) -> None:
    assert stack.core.check().problems == ()
