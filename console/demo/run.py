"""``cardswitch demo``: a stack of its own, four stories, and the accounts at the end."""

import time
from pathlib import Path

from console import show
from console.demo.network import ACCESS_NUMBER, PRODUCT, SHORT_PRODUCT, DemoNetwork, face_value, set_up
from console.demo.phone import StoryError
from console.demo.stage import Stage
from console.demo.stories import REGISTERED, SHORT_REGISTERED, STORIES
from console.stack.errors import StackError
from console.stack.plan import Addresses, Plan, RunDirectory
from console.stack.signals import StopRequested, install
from console.stack.supervisor import Supervisor
from rating.cards import IssuedCard
from rating.core import RatingCore
from rating.outcome import LedgerUnavailableError
from rating.settings import load_settings

INTERRUPTED = 130


def run_demo(run_dir: Path, *, stories: tuple[int, ...] = ()) -> int:
    """0 when everything held, 1 when something did not, 130 after Ctrl-C. Its stack lives in ``<run_dir>/demo``."""
    install()
    plan = Plan(RunDirectory(run_dir / "demo"), Addresses.choose(), prompt_cache=run_dir / "prompts")
    try:
        with Supervisor(plan, say=show.timed, fresh=True) as supervisor:
            core = RatingCore.from_settings(load_settings(plan.run.config))
            supervisor.note_access_numbers([ACCESS_NUMBER])
            supervisor.start(provision=lambda: show_network(set_up(core, plan.addresses.gateway)))
            stage = prepare(plan, core)
            with stage.resources:
                for number in stories or tuple(STORIES):
                    tell(stage, number)
                settle_accounts(stage)
                supervisor.watch()
    except StopRequested:
        show.timed("interrupted; everything was stopped")
        return INTERRUPTED
    except (StackError, LedgerUnavailableError) as error:
        show.error(str(error))
        return 1
    return conclude(stage)


def show_network(network: DemoNetwork) -> None:
    """What was set up."""
    show.timed(f"rate deck: {network.destinations} prefixes; access number {network.access_number}")


def prepare(plan: Plan, core: RatingCore) -> Stage:
    """A batch of cards, two registered CallerIDs."""
    stage = Stage(plan, core)
    values = {
        "pin": (PRODUCT, "5"),
        "registered": (PRODUCT, "10"),
        "empty": (PRODUCT, "1"),
        "short": (SHORT_PRODUCT, "0.1"),
    }
    for name, (product, value) in values.items():
        stage.cards[name] = core.issue_batch(product, 1, face_value(value))[0]
        show.timed(f"issued a card of {value} USD ({product}): serial {stage.cards[name].serial}, PIN not shown")
    for name, ani in (("registered", REGISTERED), ("short", SHORT_REGISTERED)):
        core.register_ani(card_id(core, stage.cards[name]), ani)
        show.timed(f"registered CallerID {ani} on card {stage.cards[name].serial}")
    core.adjust(card_id(core, stage.cards["empty"]), -face_value("1"), reference="demo-spent", note="spent before")
    return stage


def card_id(core: RatingCore, card: IssuedCard) -> int:
    """The id of an issued card."""
    found = core.card_id_of_serial(card.serial)
    assert found is not None, "it was issued just now"  # noqa: S101
    return found


def tell(stage: Stage, number: int) -> None:
    """One story; what goes wrong is a failed check, and the next story is told all the same."""
    try:
        STORIES[number](stage)
    except (StoryError, LookupError, LedgerUnavailableError) as error:
        stage.check(f"story {number} went to its end", False, str(error) or type(error).__name__)


def settle_accounts(stage: Stage) -> None:
    """The ledger's check, the metrics, and that no PIN is in any log."""
    show.terminal.print()
    show.plain("The accounts")
    check = stage.core.check()
    money = stage.money
    # Adjustments are a term of their own here; the check counts them with the refills.
    ids = [card_id(stage.core, card) for card in stage.cards.values()]
    entries = [entry for each in ids for entry in stage.core.entries(each)]
    adjusted = sum(int(entry["amount_micros"]) for entry in entries if entry["kind"] == "adjustment")
    refilled = check.refilled - adjusted
    stage.check(
        "issued + refilled + adjusted − charged − fees = posted",
        check.ok and check.issued + refilled + adjusted - check.charged - check.fees == check.posted,
        f"{money(check.issued)} + {money(refilled)} − {money(-adjusted)} − {money(check.charged)} − "
        f"{money(check.fees)} = {money(check.posted)}" + "".join(f"; {problem}" for problem in check.problems),
    )
    stage.check("held = 0", check.held == 0, money(check.held))
    concurrent, spend = _metrics_of(stage, check.charged)
    stage.check("metrics: no concurrent call is left", concurrent == 0, f"cardswitch_concurrent_calls {concurrent}")
    spent = round((spend or 0) * 1_000_000)
    stage.check(
        "metrics: the spend is what was charged", spent == check.charged, f"cardswitch_spend_charged_total {spend}"
    )
    leaks = leaked_pins(stage)
    stage.check("no PIN is in any log, journal or metric", not leaks, ", ".join(leaks))


def _metrics_of(stage: Stage, charged: int) -> tuple[float | None, float | None]:
    """Concurrent calls and spend; the keeper refreshes its figures now and then, so a moment is allowed."""
    deadline = time.monotonic() + 10.0
    while True:
        concurrent = stage.metric("cardswitch_concurrent_calls")
        spend = stage.metric("cardswitch_spend_charged_total")
        fresh = concurrent == 0 and round((spend or 0) * 1_000_000) == charged
        if fresh or time.monotonic() > deadline:
            return concurrent, spend
        time.sleep(0.1)


def leaked_pins(stage: Stage) -> list[str]:
    """Files outside the database in which one of the demo's PINs can be read."""
    run = stage.plan.run
    pins = [card.pin.encode() for card in stage.cards.values()]
    places = (run.path / "logs", run.journal, run.metrics, run.kamailio)
    files = [file for place in places for file in place.rglob("*") if file.is_file()]
    return [str(file) for file in files if any(pin in file.read_bytes() for pin in pins)]


def conclude(stage: Stage) -> int:
    """The last lines, and the exit status."""
    show.plain(f"what the callers heard: {stage.heard_dir}/*.wav")
    if stage.failures:
        show.plain(f"{len(stage.failures)} of {stage.checked} checks FAILED: " + "; ".join(stage.failures))
        return 1
    show.plain(f"all {stage.checked} checks held")
    return 0
