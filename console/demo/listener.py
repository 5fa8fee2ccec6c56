"""Knows the switch's prompts by their sound, and so what a caller heard."""

import re
import subprocess
from pathlib import Path

from console.demo.audio import RATE, Match, Samples, find, read_wav
from console.stack.parts import python_module

LIKE = 0.8  # the same prompt through µ-law and RTP is above 0.99, another one below 0.5
OVERLAP_S = 0.15


class Listener:
    """The prompts of some languages, from the cache that the switch plays them from."""

    def __init__(self, cache: Path, languages: tuple[str, ...]) -> None:
        self._cache = cache
        self._languages = languages
        self._sounds: dict[Path, tuple[str, Samples]] = {}
        self._texts = {f"{code}/{name}": text for code in languages for name, text in _texts(cache, code).items()}

    def sounds(self) -> list[tuple[str, Samples]]:
        """Every prompt there is by now as ``("en/pin_ask", samples)``: numbers are rendered when first needed."""
        for language in self._languages:
            for file in (self._cache / language).glob("*.wav"):
                if file not in self._sounds:
                    self._sounds[file] = (f"{language}/{file.name.split('.')[0]}", read_wav(file))
        return list(self._sounds.values())

    def hears(self, recording: Samples, *, offset_s: float = 0.0) -> list[Match]:
        """The prompts in a recording, in order; where two claim the same moment, the more alike."""
        found = [find(sound, recording, name=name) for name, sound in self.sounds()]
        chosen: list[Match] = []
        for match in sorted((match for match in found if match.likeness >= LIKE), key=lambda match: -match.likeness):
            if all(_apart(match, other) for other in chosen):
                chosen.append(match)
        moved = [Match(match.name, match.at_s + offset_s, match.likeness, match.length_s) for match in chosen]
        return sorted(moved, key=lambda match: match.at_s)

    def words(self, name: str) -> str:
        """What a prompt says: its text, or the number it is."""
        language, _, piece = name.partition("/")
        if amount := re.fullmatch(r"(?:and-)?([a-z]{3})-(part-)?(\d+)", piece):
            return f"[{language}] {amount[3]} {'hundredths of ' if amount[2] else ''}{amount[1].upper()}"
        if counted := re.fullmatch(r"(minutes|seconds|digit)-(\d+|star|pound)", piece):
            return f"[{language}] {counted[2]} {counted[1]}" if counted[1] != "digit" else f"[{language}] {counted[2]}"
        return f"[{language}] {self._texts.get(name, piece)}"


def _apart(one: Match, other: Match) -> bool:
    overlap = min(one.at_s + one.length_s, other.at_s + other.length_s) - max(one.at_s, other.at_s)
    return overlap < OVERLAP_S


def _texts(cache: Path, language: str) -> dict[str, str]:
    """The texts of the prompts without numbers, as the switch itself lists them."""
    command = python_module("mediasrv.prompts", "list", "--languages", language, "--cache", str(cache))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = (re.fullmatch(r"  (\S+) +\S+ +(.*)", line) for line in done.stdout.splitlines())
    return {row[1]: row[2] for row in rows if row}


def seconds_of(samples: Samples) -> float:
    """How long they last."""
    return len(samples) / RATE
