"""``cardswitch trace CALL``: the whole story of a call, from the logs, the call journal and the ledger.

Everything that happened with one call id: what Kamailio did with it (SIP), what the caller heard and keyed in (IVR),
what was held and charged (money). Keys are counted, never shown.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rating.core import RatingCore
from rating.journal import JournalReader
from rating.money import format_amount
from rating.outcome import LedgerUnavailableError

EVENTS_MAX = 10_000_000
CALL_ID = re.compile(r"[0-9a-f]{6,32}")
_STEP = re.compile(r"(?P<head>.*?)(?P<json>\{\"call\":\"[0-9a-f]+\",\"step\":.*\})")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}")

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """One line of the story. ``where``: the part it happened in."""

    at_us: int
    where: str
    what: str


def story(logs: Path, journal: Path, call: str, core: RatingCore | None) -> list[Moment]:
    """All moments of a call in order. ``call`` is its id, or the first six or more digits of it."""
    found = [*from_log(logs / "kamailio.log", "edge", call), *from_log(logs / "mediasrv.log", "ivr", call)]
    found += from_journal(JournalReader(journal).read({}, EVENTS_MAX).events, call)
    if core is not None:
        found += from_ledger(core, call)
    return sorted(found)


def from_log(file: Path, where: str, call: str) -> Iterator[Moment]:
    """The steps that a part has logged of the call."""
    if not file.exists():
        return
    with file.open(errors="replace") as lines:
        for line in lines:
            if call in line and (match := _STEP.match(line)):
                facts: Facts = json.loads(match["json"])
                if str(facts["call"]).startswith(call):
                    yield Moment(_time_us(facts, match["head"]), where, _words(facts))


def from_journal(events: Iterable[Facts], call: str) -> Iterator[Moment]:
    """Answer and end, as the edge wrote them down for the ledger."""
    for event in events:
        if str(event.get("call", "")).startswith(call):
            yield Moment(int(event["t_us"]), "journal", _journal_words(event))


def from_ledger(core: RatingCore, call: str) -> Iterator[Moment]:
    """Holds and charges."""
    for row in core.open_calls():
        if row["call_id"].startswith(call):
            held = format_amount(int(row["held_micros"]), row["currency"])
            yield Moment(
                int(row["placed_us"]), "ledger", f"held {held} for at most {row['limit_s']} s; not settled yet"
            )
    for row in core.cdrs():
        if row["call_id"].startswith(call):
            yield Moment(int(row["placed_us"]), "ledger", f"hold {row['hold_id'][:8]} for card {row['serial']}")
            yield Moment(int(row["ended_us"]) + 1, "ledger", _record_words(row))


def _record_words(row: Facts) -> str:
    """The call record: what was charged."""
    if row["outcome"] != "captured":
        return f"released: nothing charged ({row['outcome']}, cause {row['cause']})"
    charge = format_amount(int(row["charge_micros"]), row["currency"])
    cost = "not known" if row["cost_micros"] is None else format_amount(int(row["cost_micros"]), row["cost_currency"])
    return (
        f"charged {charge}: {row['seconds']} s connected, {row['billable_s']} s billed, to {row['destination']}; "
        f"{row['carrier']} takes {cost}"
    )


def _journal_words(event: Facts) -> str:
    if event["ev"] == "answer":
        return f"answered; it rang {event.get('pdd_ms')} ms after the INVITE; {event.get('limit_s')} s are paid for"
    if event["ev"] == "end":
        return f"ended by {event.get('by')}, cause {event.get('cause')}"
    return f"failed: {event.get('sip')}, cause {event.get('cause')}"


def _words(facts: Facts) -> str:
    """A step in words: SIP steps as arrows of the ladder, others by name with what is known."""
    name = facts["step"]
    if name == "place":
        return f"caller → edge            INVITE {facts['dnis']} from {facts['ani'] or 'anonymous'} ({facts['kind']})"
    if name == "ivr":
        return (
            f"caller → edge → mediasrv INVITE {facts['access']} from {facts['ani'] or 'anonymous'} by {facts['trunk']}"
        )
    if name == "try":
        return f"         edge → gateway  INVITE to {facts['carrier']}, gateway {facts['gateway']}"
    if name == "reply":
        return f"         edge ← gateway  {facts['status']}"
    rest = {key: value for key, value in facts.items() if key not in ("call", "step", "t_us")}
    return f"{name} " + ", ".join(f"{key} {_plain(value)}" for key, value in rest.items())


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _time_us(facts: Facts, head: str) -> int:
    """From the step itself, or from Python's logging before it (local time)."""
    if "t_us" in facts:
        return int(facts["t_us"])
    stamp = _STAMP.search(head)
    if stamp is None:
        return 0
    return round(datetime.strptime(stamp[0], "%Y-%m-%d %H:%M:%S,%f").astimezone().timestamp() * 1_000_000)


def lines_of(moments: list[Moment]) -> list[str]:
    """For people: time of day, seconds since the first moment, part, what."""
    lines = []
    for moment in moments:
        clock = datetime.fromtimestamp(moment.at_us / 1_000_000).astimezone().strftime("%H:%M:%S.%f")[:-3]
        since_s = (moment.at_us - moments[0].at_us) / 1_000_000
        lines.append(f"{clock} {since_s:+9.3f} s  {moment.where:<8} {moment.what}")
    return lines


def run_trace(run_dir: Path, call: str) -> list[str]:
    """The lines of a call's story; what can be had without the ledger when that is away. Raises ValueError."""
    from rating.settings import load_settings

    if not CALL_ID.fullmatch(call):
        raise ValueError(f"{call!r} is no call id: 6 to 32 hexadecimal digits are wanted.")
    settings = load_settings(run_dir / "cardswitch.toml")
    try:
        moments = story(run_dir / "logs", settings.journal_dir, call, RatingCore.from_settings(settings))
    except LedgerUnavailableError:
        moments = story(run_dir / "logs", settings.journal_dir, call, None)
    return lines_of(moments)
