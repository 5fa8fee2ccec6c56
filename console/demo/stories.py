"""The demo's four stories, as they are told to a newcomer: what the caller does and hears, and what it costs."""

import time
from collections.abc import Callable

from console import show
from console.demo.audio import RATE, find, read_wav
from console.demo.network import (
    ACCESS_NUMBER,
    DEAR_DESTINATION,
    DESTINATION,
    NOWHERE,
    SHORT_WARNING_S,
)
from console.demo.phone import Phone
from console.demo.stage import Stage
from console.stack.gateway import speech_file
from console.stack.plan import OPEN_CALLER_HOST, TRUSTED_CALLER_HOST

UNREGISTERED = "13035550147"
REGISTERED = "12025550123"
SHORT_REGISTERED = "12025550188"
TALK_S = 5.0  # of conversation in a connected call
WRONG_PIN = "000000000000"


def pin_story(stage: Stage) -> None:
    """An unregistered caller, the access number, a PIN, a call."""
    stage.title(1, "An unregistered caller dials the access number and pays with a PIN")
    before = stage.card("pin").posted_micros
    phone, began = stage.phone(OPEN_CALLER_HOST), time.time()
    _to_pin(stage, phone, "story1")
    phone.press(stage.cards["pin"].pin + "#", secret=True)
    phone.await_heard("en/balance")
    phone.await_heard("en/destination_ask")
    phone.press(f"011{DEAR_DESTINATION}#")
    phone.await_heard("en/connecting")
    minutes = [int(match.name.split("-")[1]) for match in phone.heard if match.name.startswith("en/minutes-")]
    connected_at = _connected(stage, phone, began)
    phone.hang_up()
    connected_s = phone.ended_at - connected_at
    record = stage.check_record("pin", before, connected_s)
    if record is not None:
        spoken = minutes[0] * 60 if minutes else 0
        stage.check(
            "no more minutes were announced than the balance pays for",
            0 < spoken <= before * 60 // _per_minute(record),
            f"{minutes[0] if minutes else 'none'} minutes",
        )
    stage.check_far_end_heard(began)


def registered_story(stage: Stage) -> None:
    """A registered CallerID dials straight through."""
    stage.title(2, "A registered CallerID dials a destination directly: no PIN")
    before = stage.card("registered").posted_micros
    phone, began = stage.phone(TRUSTED_CALLER_HOST), time.time()
    phone.dial(f"011{DESTINATION}", ani=REGISTERED, name="story2", say=stage.speech)
    phone.expect("answered")
    _connected(stage, phone, began)
    concurrent = stage.metric("cardswitch_concurrent_calls")
    stage.check("the metrics show one concurrent call", concurrent == 1, str(concurrent))
    phone.hang_up()
    stage.check_record("registered", before, phone.connected_s)
    stage.check_far_end_heard(began)


def limit_story(stage: Stage) -> None:
    """The money runs out during the call."""
    stage.title(3, "A card with money for a few seconds: warned, then ended on both sides")
    before = stage.card("short").posted_micros
    phone, began = stage.phone(TRUSTED_CALLER_HOST), time.time()
    phone.dial(f"011{DEAR_DESTINATION}", ani=SHORT_REGISTERED, name="story3", say=stage.speech)
    phone.expect("answered")
    hold = stage.core.open_calls()[0]
    limit_s, held = int(hold["limit_s"]), int(hold["held_micros"])
    show.timed(f"{stage.money(held)} of {stage.money(before)} is held: it pays for {limit_s} seconds, and no more")
    by = phone.await_end(timeout_s=limit_s + 10)
    stage.check("the caller did not hang up, the switch did", by == "far end", f"after {phone.connected_s:.2f} s")
    closed = stage.far_end.await_event("CALL_CLOSED", began)
    gap = abs(closed - phone.ended_at) if closed is not None else None
    stage.check("both legs were ended together", gap is not None and gap < 1.0, f"{gap or 0:.3f} s apart")
    stage.check(
        "the caller got all the seconds that were paid for",
        limit_s <= phone.connected_s <= limit_s + 2.5,
        f"{phone.connected_s:.2f} s of {limit_s} s",
    )
    _check_warning(stage, phone, limit_s)
    record = stage.check_record("short", before, min(phone.connected_s, limit_s))
    charge = int(record["charge_micros"]) if record else None
    stage.check("the charge is the hold", charge == held, f"{stage.money(charge or 0)}; {stage.money(held)}")


def refusal_story(stage: Stage) -> None:
    """What is refused costs nothing, and the caller is told why."""
    stage.title(4, "Refused with a spoken reason, and nothing is charged")
    before = stage.core.check().charged
    for tell in (_unknown_destination, _empty_card, _wrong_pins):
        tell(stage, stage.phone(OPEN_CALLER_HOST))
    check = stage.core.check()
    stage.check("nothing was charged", check.charged == before, f"{stage.money(check.charged - before)}")
    stage.check("nothing is held", check.held == 0, stage.money(check.held))


def _unknown_destination(stage: Stage, phone: Phone) -> None:
    show.timed("— a destination that the rate deck does not have")
    _to_pin(stage, phone, "story4-unknown-destination", hurried=True)
    phone.press(stage.cards["pin"].pin + "#", secret=True)
    phone.await_heard("en/balance")
    phone.press(f"011{NOWHERE}#")
    _check_reason(stage, phone, "en/refusal_no_rate")
    phone.hang_up()


def _empty_card(stage: Stage, phone: Phone) -> None:
    show.timed("— a card on which nothing is left")
    _to_pin(stage, phone, "story4-empty-card", hurried=True)
    phone.press(stage.cards["empty"].pin + "#", secret=True)
    _check_reason(stage, phone, "en/refusal_card_exhausted")
    phone.hang_up()


def _wrong_pins(stage: Stage, phone: Phone) -> None:
    show.timed("— three wrong PINs")
    _to_pin(stage, phone, "story4-wrong-pin", hurried=True)
    for attempt in range(3):
        phone.press(WRONG_PIN[:-1] + f"{attempt}#", secret=True)
        _check_reason(stage, phone, "en/refusal_wrong_pin")
    by = phone.await_end(timeout_s=30)
    stage.check("after the third the switch says goodbye and hangs up", by == "far end")
    stage.check("the caller heard goodbye", phone.heard[-1].name == "en/goodbye")


def _check_reason(stage: Stage, phone: Phone, prompt: str) -> None:
    match = phone.await_heard(prompt)
    reason = stage.listener.sentence([prompt])
    stage.check("the caller heard why", match.likeness >= 0.8, f"“{reason}” (likeness {match.likeness:.3f})")


def _to_pin(stage: Stage, phone: Phone, name: str, *, hurried: bool = False) -> None:
    """Dials the access number, chooses English, and hears the question for the PIN.

    A hurried caller knows the way and dials on without listening to the end.
    """
    phone.dial(ACCESS_NUMBER, ani=UNREGISTERED, name=name, say=stage.speech)
    phone.expect("answered")
    phone.await_heard("en/welcome")
    if not hurried:
        phone.await_heard("es/language_choice")
    phone.press("1")
    if not hurried:
        phone.await_heard("en/pin_ask")


def _connected(stage: Stage, phone: Phone, began: float) -> float:
    """Waits until both ends talk; when the far end answered (epoch seconds)."""
    answered = stage.far_end.await_event("CALL_ESTABLISHED", began)
    stage.check("the far end answered", answered is not None)
    match = phone.await_sound(speech_file(stage.plan), what="the far end speak")
    stage.check("the caller hears the far end", match.likeness >= 0.8, f"likeness {match.likeness:.3f}")
    time.sleep(max(0.0, TALK_S - (time.time() - (answered or began))))
    return answered or began


def _check_warning(stage: Stage, phone: Phone, limit_s: int) -> None:
    """The warning is heard in the recording, so many seconds before the limit, and the far end is not, meanwhile."""
    recording = read_wav(phone.wav)
    warning = find(read_wav(stage.plan.prompts / "en" / "warning.wav"), recording, name="warning")
    stage.check("the caller heard the warning", warning.likeness >= 0.8, f"likeness {warning.likeness:.3f}")
    lead_s = limit_s - warning.at_s
    stage.check(
        f"the warning came about {SHORT_WARNING_S} s before the limit",
        abs(lead_s - SHORT_WARNING_S) <= 1.5,
        f"{lead_s:.2f} s before, {warning.at_s:.2f} s into {len(recording) / RATE:.2f} s",
    )


def _per_minute(record: dict[str, object]) -> int:
    """The rate of a record's call without connect fee, micro-units a minute."""
    from rating.rate import Rate

    return Rate.unpack(str(record["rate"])).tiers[0].rate_per_minute_micros


STORIES: dict[int, Callable[[Stage], None]] = {
    1: pin_story,
    2: registered_story,
    3: limit_story,
    4: refusal_story,
}
