"""Rate decks: quotes a second on 200,000 prefixes, memory of a prefix, loading a million rows.

A quote is what ``authorise`` needs of the deck: the longest prefix of the number, the longest duration the balance
pays for, and the amount to hold. Numbers are drawn evenly over all prefixes, which is harder on the processor's caches
than real traffic. Three plans and 2,000 prices; no two calls have the same balance. Only one process, one thread.
"""

import argparse
import csv
import json
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from rating.deck import DeckBuilder, DeckTable, DeckTerms, encode_prefix
from rating.deckcsv import read_deck
from rating.deckfile import Deck, write_deck
from rating.quote import quote_call
from rating.rate import flat_rate

T = TypeVar("T")
PLANS = ((60, 60), (30, 6), (1, 1))
LONGEST_S = 7200
ROUNDS = 7


def main(argv: list[str]) -> int:
    """Measures and prints; returns 0."""
    parser = argparse.ArgumentParser(prog="bench rating_quotes", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--prefixes", type=int, default=200_000)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the deck that is loaded; 0: none")
    options = parser.parse_args(argv)
    figures: dict[str, float | int] = {}
    with tempfile.TemporaryDirectory() as folder:
        figures |= measure_quotes(Path(folder), options.prefixes)
        if options.rows:
            figures |= measure_load(Path(folder), options.rows)
    print(json.dumps(figures))
    return 0


def measure_quotes(folder: Path, prefixes: int) -> dict[str, float | int]:
    """Quotes a second and bytes per prefix of a deck of so many prefixes."""
    chance = random.Random(1)
    table = synthetic_deck(chance, prefixes)
    file = folder / "quotes.deck"
    write_deck(file, table)
    numbers = synthetic_numbers(chance, table, 200_000)
    before = private_bytes()
    deck = Deck.open(file)
    clocked = [quotes_per_s(deck, numbers) for _ in range(ROUNDS)]
    rates, by_wall = [processor for processor, _ in clocked], [wall for _, wall in clocked]
    size, private = deck.size_bytes / prefixes, private_bytes() - before
    show("quotes/s, one process", f"{statistics.median(rates):,.0f}", f"best of {ROUNDS} {max(rates):,.0f}")
    show("  by the wall clock", f"{statistics.median(by_wall):,.0f}", f"best of {ROUNDS} {max(by_wall):,.0f}")
    show("prefixes", f"{prefixes:,}", f"{len(table.rates):,} rates, {len(table.destinations):,} destinations")
    show("bytes per prefix, shared file", f"{size:.1f}", f"{deck.size_bytes / 2**20:.1f} MB for all processes")
    show("bytes per prefix, own caches", f"{private / prefixes:.1f}", "in a process that has quoted all of it")
    return {
        "quotes_per_s": round(statistics.median(rates)),
        "quotes_per_s_best": round(max(rates)),
        "quotes_per_s_wall": round(statistics.median(by_wall)),
        "prefixes": prefixes,
        "bytes_per_prefix": round(size, 1),
        "private_bytes_per_prefix": round(private / prefixes, 1),
    }


def measure_load(folder: Path, rows: int) -> dict[str, float | int]:
    """Seconds from a CSV file of so many rows to a deck that answers, every row checked."""
    source, compiled = folder / "load.csv", folder / "load.deck"
    write_csv(source, synthetic_deck(random.Random(2), rows))
    read_s, table = timed(lambda: read_deck(source, DeckTerms()))
    write_s, _ = timed(lambda: write_deck(compiled, table))
    open_s, deck = timed(lambda: Deck.open(compiled))
    assert len(deck) == rows
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    whole = read_s + write_s + open_s
    show(f"load of {rows:,} rows, s", f"{whole:.2f}", f"read and check {read_s:.2f}, compile and write {write_s:.2f}")
    show("open a compiled deck, ms", f"{open_s * 1000:.2f}", "what every process does after an import")
    show("peak memory of all this, MB", f"{peak:.0f}")
    return {"load_1m_rows_s": round(whole, 2), "rows": rows, "open_ms": round(open_s * 1000, 2), "peak_mb": round(peak)}


def show(name: str, value: str, note: str = "") -> None:
    """One line of the table."""
    print(f"{name:<32}{value:>12}   {note}".rstrip())


def quotes_per_s(deck: Deck, numbers: list[str]) -> tuple[float, float]:
    """Quotes of all numbers, each with another balance: calls in a second of processor time, and of wall time."""
    wall, processor = time.perf_counter(), time.process_time()
    for available, dnis in enumerate(numbers, 5_000_000):
        quote_call(deck, dnis, 1, available, LONGEST_S)
    return len(numbers) / (time.process_time() - processor), len(numbers) / (time.perf_counter() - wall)


def synthetic_deck(chance: random.Random, prefixes: int) -> DeckTable:
    """A deck with prefixes of 4 to 9 digits, some within others."""
    rates = [
        flat_rate(cents * 500, *chance.choice(PLANS), connect_fee_micros=0 if cents % 20 else 50_000).pack()
        for cents in range(4, 2_004)
    ]
    builder = DeckBuilder(DeckTerms())
    for prefix in synthetic_prefixes(chance, prefixes):
        builder.add(encode_prefix(prefix), f"Destination {prefix[:3]}", chance.choice(rates))
    return builder.finish()


def synthetic_prefixes(chance: random.Random, count: int) -> Iterator[str]:
    """``count`` different prefixes."""
    seen: set[str] = set()
    while len(seen) < count:
        prefix = str(chance.randrange(10**3, 10 ** chance.choice((4, 6, 7, 8, 9))))
        if prefix not in seen:
            seen.add(prefix)
            yield prefix


def synthetic_numbers(chance: random.Random, table: DeckTable, count: int) -> list[str]:
    """Numbers of 12 digits, each within a prefix drawn evenly from the deck."""
    rows = list(table.rows())
    return [f"{chance.choice(rows).prefix}{chance.randrange(10**9):09}"[:12] for _ in range(count)]


def write_csv(file: Path, table: DeckTable) -> None:
    """The deck as operators get it."""
    with file.open("w", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(
            ["prefix", "destination", "rate_per_minute", "connect_fee", "initial_increment_s", "increment_s"]
        )
        for row in table.rows():
            head, tier = row.rate.split(";")
            fee, _, _, initial = head.split(",")
            _, price, increment = tier.split(",")
            writer.writerow([row.prefix, row.destination, amount(price), amount(fee), initial, increment])


def amount(micros: str) -> str:
    """Micro-units as decimal text."""
    return f"{int(micros) // 10**6}.{int(micros) % 10**6:06}"


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds a piece of work takes, and what it gives."""
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


def private_bytes() -> int:
    """Memory that this process alone has written (Linux); what is mapped of a deck is not in it."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
