"""Callers that are no plain calls on a card: refused ones, and callers of the IVR."""

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from console.demo.audio import RATE
from console.demo.network import ACCESS_NUMBER, DESTINATION, NOWHERE
from console.stack.plan import OPEN_CALLER_HOST, TRUSTED_CALLER_HOST
from tests.e2e.callers import Baresip
from tests.edge.sipp import Sipp, ack_refusal, invite, receive
from tests.monitoring.watched import Watched
from tests.support.stack import await_true

WRONG_PIN = "00000000000#"
STRANGER = "13035550199"


@dataclass(frozen=True, slots=True)
class Secret:
    """A PIN that no failing test prints."""

    value: str = field(repr=False)


def has(watched: Watched, expr: str) -> bool:
    """Whether Prometheus says more than 0."""
    return bool(watched.prometheus.number(expr))


def refused_calls(watched: Watched, directory: Path) -> None:
    """To a number without a rate, and from an address that is no trunk."""
    ani = "12025553998"
    watched.stack.issue(1_000_000, ani=ani)
    for place, (host, number, status) in enumerate(
        ((TRUSTED_CALLER_HOST, NOWHERE, 404), ("127.0.0.77", DESTINATION, 403))
    ):
        steps = [invite(f"011{number}", ani), receive(100, optional=True), receive(status), ack_refusal(number, ani)]
        own = directory / str(place)
        own.mkdir()
        assert Sipp("refused", steps, host, own, remote=watched.stack.edge).start().wait() == 0


def ivr_calls(watched: Watched, directory: Path) -> Secret:
    """One caller keys in a wrong PIN, the right one, and is connected; one gives up at the PIN. The right PIN."""
    card, card_id = watched.stack.issue(2_000_000)
    phone = Baresip(OPEN_CALLER_HOST, watched.stack.edge, STRANGER, directory / "phone")
    with closing(phone):
        phone.dial(ACCESS_NUMBER)
        await_true(lambda: has(watched, 'sum(cardswitch_ivr_sessions{stage="language"})'), "the language is asked")
        phone.press("1")
        await_true(lambda: has(watched, 'sum(cardswitch_ivr_sessions{stage="pin"})'), "the PIN is asked")
        phone.press(WRONG_PIN)
        await_true(lambda: has(watched, 'sum(cardswitch_ivr_pins_total{outcome="WRONG_PIN"})'), "it was wrong")
        phone.hears("en/pin_ask", since_s=len(phone.heard()) / RATE)  # keys before it are forgotten
        phone.press(card.pin + "#")
        await_true(lambda: has(watched, 'sum(cardswitch_ivr_pins_total{outcome="OK"})'), "it was right")
        phone.press(f"011{DESTINATION}#")
        await_true(
            lambda: has(watched, 'sum(cardswitch_concurrent_calls{state="connected"})'), "connected", timeout_s=40
        )
        await_true(lambda: has(watched, 'sum(cardswitch_ivr_sessions{stage="call"})'), "the IVR says so, too")
        phone.hang_up()
    watched.stack.await_record(card_id)
    with closing(Baresip(OPEN_CALLER_HOST, watched.stack.edge, STRANGER, directory / "quitter")) as quitter:
        quitter.dial(ACCESS_NUMBER)
        quitter.press("1")
        await_true(lambda: has(watched, 'sum(cardswitch_ivr_sessions{stage="pin"})'), "the PIN is asked")
        quitter.hang_up()
    return Secret(card.pin)
