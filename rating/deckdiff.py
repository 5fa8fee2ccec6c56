"""What a new deck changes: shown before it is imported (``--dry-run``)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from rating.deck import BLOCKED, DeckRow, DeckTable
from rating.money import format_amount
from rating.rate import Rate, call_cost

# A rate is dearer when a call of three minutes costs more; if that is the same, the first of these that differs tells.
COMPARED_S = (180, 60, 1, 600, 3600, 7200)

NO_MORE = (2**63, 0, 0)  # after all codes


class ChangeKind(StrEnum):
    """``changed``: blocked or allowed now, other times or another name, but not dearer or cheaper."""

    NEW = "new"
    DEARER = "dearer"
    CHEAPER = "cheaper"
    CHANGED = "changed"
    GONE = "gone"


class Change(NamedTuple):
    """A prefix that is not as it was; ``before`` and ``after`` are its rates, the one tried first first."""

    kind: ChangeKind
    prefix: str
    destination: str
    before: tuple[DeckRow, ...]
    after: tuple[DeckRow, ...]


@dataclass(slots=True)
class DeckDiff:
    """How many prefixes changed, and the first of each kind."""

    counts: dict[ChangeKind, int] = field(default_factory=lambda: dict.fromkeys(ChangeKind, 0))
    unchanged: int = 0
    examples: dict[ChangeKind, list[Change]] = field(default_factory=lambda: {kind: [] for kind in ChangeKind})


def diff_decks(old: DeckTable, new: DeckTable, examples_max: int = 20) -> DeckDiff:
    """Counts what ``new`` would change, with up to ``examples_max`` examples of each kind."""
    diff = DeckDiff()
    for change in changes(old, new):
        if change is None:
            diff.unchanged += 1
            continue
        diff.counts[change.kind] += 1
        if len(diff.examples[change.kind]) < examples_max:
            diff.examples[change.kind].append(change)
    return diff


def describe(diff: DeckDiff) -> Iterator[str]:
    """Lines for people: the counts, then the examples of each kind."""
    yield ", ".join(f"{count:,} {kind}" for kind, count in diff.counts.items()) + f", {diff.unchanged:,} as before"
    for kind, found in diff.examples.items():
        for change in found:
            before, after = (" and ".join(map(_terms, rows)) for rows in (change.before, change.after))
            yield f"{kind:<8} {change.prefix:<15} {change.destination:<32} {' → '.join(filter(None, (before, after)))}"
        if diff.counts[kind] > len(found):
            yield f"{kind:<8} … and {diff.counts[kind] - len(found):,} more"


def _terms(row: DeckRow) -> str:
    """A rate in short: "0.012000 30/6", tiers joined by "+", and when it holds."""
    if row.rate == BLOCKED:
        text = "blocked"
    else:
        rate = Rate.unpack(row.rate)
        first = rate.initial_increment_s
        tiers = (
            f"{format_amount(tier.rate_per_minute_micros)} {tier.increment_s if place else first}/{tier.increment_s}"
            for place, tier in enumerate(rate.tiers)
        )
        text = " + ".join(tiers) + (f" fee {format_amount(rate.connect_fee_micros)}" if rate.connect_fee_micros else "")
    dates = [
        f"{word} {datetime.fromtimestamp(moment // 10**6, UTC):%Y-%m-%dT%H:%MZ}"
        for word, moment in (("from", row.effective_from_us), ("until", row.effective_until_us))
        if moment is not None
    ]
    return " ".join(filter(None, (text, *dates, row.days, row.hours)))


def changes(old: DeckTable, new: DeckTable) -> Iterator[Change | None]:
    """Each prefix of either deck, sorted: what changes, or None for one that stays as it is."""
    before, after = old.groups(), new.groups()
    was, now = next(before, NO_MORE), next(after, NO_MORE)
    while was != NO_MORE or now != NO_MORE:
        code = min(was[0], now[0])
        gone, come = code == was[0], code == now[0]
        if gone and come and old.content(*was[1:]) == new.content(*now[1:]):
            yield None
        else:
            yield _change(_rows(old, was) if gone else (), _rows(new, now) if come else ())
        was = next(before, NO_MORE) if gone else was
        now = next(after, NO_MORE) if come else now


def _rows(table: DeckTable, group: tuple[int, int, int]) -> tuple[DeckRow, ...]:
    return tuple(map(table.row, range(group[1], group[2])))


def _change(before: tuple[DeckRow, ...], after: tuple[DeckRow, ...]) -> Change:
    shown = (after or before)[0]
    return Change(_kind(before, after), shown.prefix, shown.destination, before, after)


def _kind(before: tuple[DeckRow, ...], after: tuple[DeckRow, ...]) -> ChangeKind:
    if not before:
        return ChangeKind.NEW
    if not after:
        return ChangeKind.GONE
    for old, new in _comparable(before, after):
        for seconds in COMPARED_S:
            rise = call_cost(Rate.unpack(new.rate), seconds) - call_cost(Rate.unpack(old.rate), seconds)
            if rise:
                return ChangeKind.DEARER if rise > 0 else ChangeKind.CHEAPER
    return ChangeKind.CHANGED


def _comparable(before: tuple[DeckRow, ...], after: tuple[DeckRow, ...]) -> Iterator[tuple[DeckRow, DeckRow]]:
    """Pairs of rates to compare: those of the same times first, then the general ones."""
    at = {row[3:]: row for row in before}
    pairs = [(at[row[3:]], row) for row in after if row[3:] in at]
    pairs.append((before[-1], after[-1]))
    return (pair for pair in pairs if BLOCKED not in (pair[0].rate, pair[1].rate))
