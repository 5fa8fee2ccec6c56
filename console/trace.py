"""``cardswitch trace CALL``: the whole story of a call, from the node's call log and the ledger.

Everything that happened with one call id: what Kamailio did with it (SIP), what the caller heard and keyed in (IVR),
what was held, warned of and charged (money). Keys are counted, never shown.
"""

import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rating.calllog import SUFFIX, directory_of
from rating.core import RatingCore
from rating.money import format_amount
from rating.outcome import LedgerUnavailableError
from rating.settings import Settings

CALL_ID = re.compile(r"[0-9a-f]{6,32}")
CALL_ID_DIGITS = 32
SETTLES = ("settled", "swept")
AROUND_US = 60_000_000  # a hold is placed and settled so near to what the logs say of its call

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the story. ``where``: the part it happened in."""

    at_us: int
    where: str
    what: str


def story(logs: Path | None, call: str, core: RatingCore | None) -> list[Moment]:
    """All moments of a call in order. ``call`` is its id, or the first six or more digits of it: what the ledger has of
    a call that is over and in none of these logs is found by the whole id only."""
    logged = [] if logs is None else list(steps_of(logs, call))
    found = [Moment(int(facts["t_us"]), str(facts["part"]), _words(facts)) for facts in logged]
    if core is not None:
        found += from_ledger(core, call, logged)
    return sorted(found, key=lambda moment: moment.at_us)  # lines of one write have one time, and are in order


def steps_of(directory: Path, call: str) -> Iterator[Facts]:
    """What the parts have logged of the call; files that were rotated away, also compressed, are read too."""
    for file in sorted(directory.glob(f"*{SUFFIX}*")):
        reads = gzip.open if file.suffix == ".gz" else open
        with reads(file, "rt", errors="replace") as lines:
            for line in lines:
                if call in line and (facts := _facts(line)) and str(facts["call"]).startswith(call):
                    yield facts


def _facts(line: str) -> Facts | None:
    """None for a line that is being written, or is not ours."""
    try:
        facts = json.loads(line)
    except ValueError:
        return None
    return facts if isinstance(facts, dict) and {"call", "step", "t_us", "part"} <= facts.keys() else None


def from_ledger(core: RatingCore, call: str, logged: list[Facts]) -> Iterator[Moment]:
    """Holds and charges. What was logged says when to look: call records are found by their time."""
    for row in core.open_calls():
        if row["call_id"].startswith(call):
            held = format_amount(int(row["held_micros"]), row["currency"])
            yield Moment(
                int(row["placed_us"]), "ledger", f"held {held} for at most {row['limit_s']} s; not settled yet"
            )
    settled_us = {facts["hold"]: int(facts["t_us"]) for facts in logged if facts["step"] in SETTLES}
    for row in _records(core, call, logged):
        yield Moment(int(row["placed_us"]), "ledger", f"hold {row['hold_id'][:8]} for card {row['serial']}")
        at_us = settled_us.get(row["hold_id"], int(row["ended_us"]) + 1)
        yield Moment(at_us, "ledger", _record_words(row))


def _records(core: RatingCore, call: str, logged: list[Facts]) -> list[Facts]:
    if not logged:
        return core.cdrs(call_id=call) if len(call) == CALL_ID_DIGITS else []
    times = [int(facts["t_us"]) for facts in logged]
    around = {"since_us": min(times) - AROUND_US, "until_us": max(times) + AROUND_US}
    calls = sorted({str(facts["call"]) for facts in logged})
    return [row for whole in calls for row in core.cdrs(call_id=whole, **around)]


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


_BYE = {"caller": "caller → edge → gateway ", "callee": "caller ← edge ← gateway "}

# Steps of the edge and the keeper in words, those of SIP as arrows of the ladder. Others are told by name.
_WORDS: dict[str, Callable[[Facts], str]] = {
    "ivr": lambda is_: (
        f"caller → edge → mediasrv INVITE {is_['access']} from {is_['ani'] or 'anonymous'} by {is_['trunk']}"
    ),
    "place": lambda is_: (
        f"{'mediasrv' if is_['kind'] == 'second_leg' else 'caller  '} → edge          INVITE {is_['dnis']} "
        f"from {is_['ani'] or 'anonymous'}; {is_['limit_s']} s are paid for"
    ),
    "refused": lambda is_: f"caller ← edge            {is_['dnis']} refused: {is_['outcome']}",
    "try": lambda is_: f"         edge → gateway  INVITE to {is_['carrier']}, gateway {is_['gateway']}",
    "reply": lambda is_: f"         edge ← gateway  {is_['status']}",
    "answered": lambda is_: f"caller ← edge ← gateway  connected; it rang {is_['pdd_ms']} ms after the INVITE",
    "failed": lambda is_: f"caller ← edge            {is_['sip']}, cause {is_['cause']}",
    "timeout": lambda is_: f"caller ← edge → gateway  BYE: the limit is reached, cause {is_['cause']}",
    "ended": lambda is_: f"{_BYE.get(is_['by'], 'caller ← edge → gateway ')} BYE by {is_['by']}, cause {is_['cause']}",
    "warned": lambda is_: f"plays the warning, {is_['before_end_s']} s before the limit",
    "ended_overdue": lambda is_: f"ends the call, which is past its limit of {is_['limit_s']} s",
    "settled": lambda is_: _settled_words("settles", is_),
    "swept": lambda is_: _settled_words("nobody told the end: settles", is_),
    "settled_before": lambda is_: f"writes the call record; the hold was settled before ({is_['outcome']})",
}


def _settled_words(what: str, facts: Facts) -> str:
    charge = format_amount(int(facts["charge_micros"]), facts["currency"])
    return f"{what} ({facts['outcome']}): {charge} for {facts['billable_s']} s"


def _words(facts: Facts) -> str:
    known = _WORDS.get(facts["step"])
    if known is not None:
        return known(facts)
    rest = {key: value for key, value in facts.items() if key not in ("call", "step", "t_us", "part", "node")}
    return f"{facts['step']} " + ", ".join(f"{key} {_plain(value)}" for key, value in rest.items())


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def lines_of(moments: list[Moment]) -> list[str]:
    """For people: time of day, seconds since the first moment, part, what."""
    lines = []
    for moment in moments:
        clock = datetime.fromtimestamp(moment.at_us / 1_000_000).astimezone().strftime("%H:%M:%S.%f")[:-3]
        since_s = (moment.at_us - moments[0].at_us) / 1_000_000
        lines.append(f"{clock} {since_s:+9.3f} s  {moment.where:<8} {moment.what}")
    return lines


def run_trace(settings: Settings, call: str) -> list[str]:
    """The lines of a call's story; what can be had without the ledger when that is away. Raises ValueError."""
    if not CALL_ID.fullmatch(call):
        raise ValueError(f"{call!r} is no call id: 6 to 32 hexadecimal digits are wanted.")
    logs = directory_of(settings)
    try:
        return lines_of(story(logs, call, RatingCore.from_settings(settings)))
    except LedgerUnavailableError:
        return lines_of(story(logs, call, None))
