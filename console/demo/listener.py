"""Knows the switch's prompts by their sound, and so what a caller heard."""

import re
import subprocess
from pathlib import Path

from console.demo.audio import Match, Recording, Samples, read_wav
from console.stack.parts import python_module

LIKE = 0.8  # the same prompt through µ-law and RTP is above 0.99, another one below 0.5
OVERLAP_S = 0.15
# The list of prompts shows these values in the blanks; in a call others are spoken, as pieces of their own.
EXAMPLES = re.compile(r"four dollars and fifty cents|twelve minutes|forty-five seconds")
KEY_EXAMPLES = re.compile(r"\b(one|uno)\b")


class Listener:
    """The prompts of one language and some of others, from the cache that the switch plays them from."""

    def __init__(self, cache: Path, language: str, others: tuple[str, ...] = ()) -> None:
        self._cache = cache
        self._patterns = (f"{language}/*.wav", *(f"{other}.*.wav" for other in others))
        languages = {language, *(other.partition("/")[0] for other in others)}
        self._sounds: dict[Path, tuple[str, Samples]] = {}
        self._texts = {f"{code}/{name}": text for code in languages for name, text in _texts(cache, code).items()}

    def sounds(self) -> list[tuple[str, Samples]]:
        """Every prompt there is by now as ``("en/pin_ask", samples)``: numbers are rendered when first needed."""
        for pattern in self._patterns:
            for file in self._cache.glob(pattern):
                if file not in self._sounds:
                    self._sounds[file] = (f"{file.parent.name}/{file.name.split('.')[0]}", read_wav(file))
        return list(self._sounds.values())

    def hears(self, recording: Samples, *, offset_s: float = 0.0) -> list[Match]:
        """The prompts in a recording, in order; where two claim the same moment, the more alike."""
        prepared = Recording(recording)
        found = [prepared.find(sound, name=name) for name, sound in self.sounds()]
        chosen: list[Match] = []
        for match in sorted((match for match in found if match.likeness >= LIKE), key=lambda match: -match.likeness):
            if all(_apart(match, other) for other in chosen):
                chosen.append(match)
        moved = [Match(match.name, match.at_s + offset_s, match.likeness, match.length_s) for match in chosen]
        return sorted(moved, key=lambda match: match.at_s)

    def hears_one(self, recording: Samples, wanted: str) -> bool:
        """Whether that one prompt is in a recording: a hundredth of the work of looking for all of them."""
        prepared = Recording(recording)
        return any(prepared.find(sound).likeness >= LIKE for name, sound in self.sounds() if name == wanted)

    def sentence(self, names: list[str]) -> str:
        """What consecutive pieces say together: ``["en/minutes", "en/minutes-11", …]`` is "You have 11 minutes …"."""
        words: list[str] = []
        for index, name in enumerate(names):
            opener = next((earlier for earlier in reversed(names[:index]) if self.has_blank(earlier)), "")
            if name.removesuffix("_2") == opener and index and names[index - 1] != opener:
                words.append(self._halves(opener)[1])  # the rest of the text behind its blank
            else:
                words.append(_value(name.partition("/")[2]) or self._halves(name)[0])
        return " ".join(word for word in words if word)

    def continues(self, sentence: list[str], name: str) -> bool:
        """Whether a piece goes on with a sentence that was begun: a number, or what stands behind the number."""
        openers = [piece for piece in sentence if self.has_blank(piece)]
        tail = name.removesuffix("_2") in openers and sentence[-1] not in openers
        return bool(openers) and (tail or bool(_value(name.partition("/")[2])))

    def has_blank(self, name: str) -> bool:
        """Whether a value follows this piece."""
        return self._example(name).search(self._texts.get(name, "")) is not None

    def _halves(self, name: str) -> tuple[str, str]:
        parts = self._example(name).split(self._texts.get(name, name.partition("/")[2]), maxsplit=1)
        return parts[0].strip(), parts[-1].strip() if len(parts) > 1 else ""

    @staticmethod
    def _example(name: str) -> re.Pattern[str]:
        return KEY_EXAMPLES if re.search(r"/(language_choice|option_)", name) else EXAMPLES


def _value(piece: str) -> str:
    """A number's piece in words; "" for any other."""
    if amount := re.fullmatch(r"(and-)?usd-(part-)?(\d+)", piece):
        return f"{'and ' if amount[1] else ''}{amount[3]} {'cents' if amount[2] else 'dollars'}"
    if counted := re.fullmatch(r"(minutes|seconds)-(\d+)", piece):
        return f"{counted[2]} {counted[1]}"
    return piece.removeprefix("digit-") if piece.startswith("digit-") else ""


def _apart(one: Match, other: Match) -> bool:
    overlap = min(one.at_s + one.length_s, other.at_s + other.length_s) - max(one.at_s, other.at_s)
    return overlap < OVERLAP_S


def _texts(cache: Path, language: str) -> dict[str, str]:
    """The texts of the prompts without numbers, as the switch itself lists them."""
    command = python_module("mediasrv.prompts", "list", "--languages", language, "--cache", str(cache))
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    rows = (re.fullmatch(r"  (\S+) +\S+ +(.*)", line) for line in done.stdout.splitlines())
    return {row[1]: row[2] for row in rows if row}
