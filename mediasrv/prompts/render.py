"""Rendering ahead: all fixed prompts of a language, the keeper's warning, the tones, the demo gateway's speech."""

import string
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mediasrv.prompts import wav
from mediasrv.prompts.catalogue import PROMPTS
from mediasrv.prompts.phrase import Minutes, Money, Phrase, Seconds, Spelled, Value, say
from mediasrv.prompts.spoken import Segment, segments
from mediasrv.prompts.store import PromptStore

RINGBACK_HZ = (440, 480)  # North America; 2 s of it, 4 s of silence (ITU-T E.180, supplement 2)
DEMO_GATEWAY = "demo/gateway.wav"
RINGBACK = "tones/ringback.wav"
NUMBERED_MINUTES = range(181)
NUMBERED_UNITS = range(101)

_EXAMPLES: dict[str, Value] = {
    "amount": Money(4_500_000, "USD"),
    "minutes": Minutes(12),
    "seconds": Seconds(45),
    "key": Spelled("1"),
}


def example(prompt: str) -> Phrase:
    """A phrase of this prompt with its blanks filled."""
    return Phrase(prompt, tuple((name, _EXAMPLES[name]) for name in PROMPTS[prompt]))


def fixed_segments(language: str) -> list[Segment]:
    """What can be rendered before anybody calls: every text between the blanks, and the ten digits and two keys."""
    found: dict[str, Segment] = {}
    for prompt in PROMPTS:
        spoken = segments(example(prompt), language)
        literal_names = {prompt, *(f"{prompt}-{number}" for number in range(2, 9))}
        found.update((piece.name, piece) for piece in spoken if piece.name in literal_names)
    keys = [segments(say("option_back", key=Spelled(key)), language) for key in string.digits + "*#"]
    found.update((piece.name, piece) for pieces in keys for piece in pieces if piece.name.startswith("digit-"))
    return list(found.values())


def numbered_segments(language: str, currencies: Iterable[str]) -> Iterator[Segment]:
    """Minutes and whole and broken amounts that are heard most often; the rest is rendered at first use."""
    phrases = [say("minutes", minutes=Minutes(count)) for count in NUMBERED_MINUTES]
    for currency in currencies:
        phrases += [say("balance", amount=Money(units * 1_000_000, currency)) for units in NUMBERED_UNITS]
        phrases += [say("balance", amount=Money(cents * 10_000, currency)) for cents in range(1, 100)]
        phrases += [say("balance", amount=Money(1_000_000 + cents * 10_000, currency)) for cents in range(1, 100)]
    for phrase in phrases:
        yield from segments(phrase, language)


def render_language(store: PromptStore, language: str, *, currencies: Iterable[str] = (), threads: int = 2) -> int:
    """Renders what is missing and the file ``<cache>/<language>/warning.wav``; returns how many pieces there are."""
    wanted = dict.fromkeys(fixed_segments(language))
    if currencies:
        wanted.update((piece, None) for piece in numbered_segments(language, currencies))
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda piece: store.file(piece, language), wanted))
    _join(store.files(say("warning"), language), store.cache_dir / language / "warning.wav")
    return len(wanted)


def render_common(store: PromptStore) -> None:
    """The tones, and what the demo's gateway says (English)."""
    wav.write(store.cache_dir / RINGBACK, wav.tone(RINGBACK_HZ, on_s=2.0, off_s=4.0))
    _join(store.files(say("demo_gateway"), "en"), store.cache_dir / DEMO_GATEWAY)


def _join(files: Iterable[Path], target: Path) -> None:
    parts = [wav.read(file.read_bytes())[0] for file in files]
    wav.write(target, wav.joined(parts))
