"""Audio of the demo's ends: what a caller heard, as it arrived, and whether a given recording can be heard in it."""

import threading
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 8000  # samples a second
FRAME = 160  # samples a packet: 20 ms
FULL_SCALE = 32768
QUIET = 150  # of 32768: a frame whose loudest sample is below is silence
REBASE_SAMPLES = RATE  # a stream that is off by more (a new clock, not a late packet) starts anew at its arrival

Samples = NDArray[np.int16]


def read_wav(file: Path) -> Samples:
    """The samples of a mono 16-bit 8 kHz WAV. Raises ValueError for anything else."""
    with wave.open(str(file), "rb") as source:
        if (source.getnchannels(), source.getsampwidth(), source.getframerate()) != (1, 2, RATE):
            raise ValueError(f"{file} is not 8 kHz mono 16-bit")
        return np.frombuffer(source.readframes(source.getnframes()), dtype="<i2").astype(np.int16)


def write_wav(file: Path, samples: Samples) -> None:
    """Writes a mono 16-bit 8 kHz WAV."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(RATE)
        target.writeframes(samples.astype("<i2").tobytes())


class Ear:
    """What is heard, on a time line: each RTP stream at its first packet's arrival, then by its own timestamps.

    Streams that overlap are added, as an ear would have it. Times are seconds since the ear was made.
    """

    def __init__(self, now: float) -> None:
        self._began = now
        self._line = np.zeros(RATE * 60, dtype=np.int32)
        self._bases: dict[int, int] = {}  # SSRC → sample of the line at RTP timestamp 0
        self._lock = threading.Lock()
        self.end = 0  # samples heard so far
        self.last_sound: float | None = None

    def hear(self, now: float, ssrc: int, timestamp: int, samples: Samples) -> None:
        """Adds a packet that arrived at ``now``."""
        arrived = int((now - self._began) * RATE)
        with self._lock:
            base = self._bases.get(ssrc)
            if base is None or abs(base + timestamp - arrived) > REBASE_SAMPLES:
                base = self._bases[ssrc] = arrived - timestamp
            start = max(base + timestamp, 0)
            stop = start + len(samples)
            if stop > len(self._line):
                self._line = np.concatenate([self._line, np.zeros(max(len(self._line), len(samples)), dtype=np.int32)])
            self._line[start:stop] += samples
            self.end = max(self.end, stop)
        if len(samples) and int(np.abs(samples.astype(np.int32)).max()) > QUIET:
            self.last_sound = now

    def samples(self, start_s: float = 0.0) -> Samples:
        """What was heard from ``start_s`` on."""
        with self._lock:
            return np.clip(self._line[int(start_s * RATE) : self.end], -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


@dataclass(frozen=True, slots=True)
class Match:
    """``likeness`` is the normalised correlation at the best place: 1 the same, 0 nothing alike."""

    name: str
    at_s: float
    likeness: float
    length_s: float


class Recording:
    """Something heard, prepared so that many patterns can be looked for in it."""

    def __init__(self, samples: Samples) -> None:
        self.length = len(samples)
        # A pattern lies within the recording wherever it is looked for: nothing wraps around, so no room is needed.
        self._size = smooth_length(self.length)
        signal = samples.astype(np.float64)
        self._spectrum = np.fft.rfft(signal, self._size)
        self._power = np.concatenate([[0.0], np.cumsum(signal**2)])

    def find(self, pattern: Samples, *, name: str = "") -> Match:
        """Where ``pattern`` is best heard, and how alike it is there. Silence is like nothing."""
        wanted = trimmed(pattern).astype(np.float64)
        count = len(wanted)
        if count < FRAME or self.length < count:
            return Match(name, 0.0, 0.0, count / RATE)
        product = np.fft.irfft(self._spectrum * np.conj(np.fft.rfft(wanted, self._size)), self._size)
        energy = self._power[count:] - self._power[: len(self._power) - count]
        floor = float(QUIET**2 * count) / 100
        likeness = product[: self.length - count + 1] / np.sqrt(np.maximum(energy, floor) * float(np.sum(wanted**2)))
        best = int(np.argmax(likeness))
        return Match(name, best / RATE, float(likeness[best]), count / RATE)


def smooth_length(length: int) -> int:
    """The least number that has no prime factor above 5 and is not below ``length``: such transforms are quick."""
    best = 1 << max(length - 1, 1).bit_length()
    fives = 1
    while fives < best:
        threes = fives
        while threes < best:
            rest = -(-length // threes)
            best = min(best, threes << max(rest - 1, 0).bit_length())
            threes *= 3
        fives *= 5
    return best


def find(pattern: Samples, recording: Samples, *, name: str = "") -> Match:
    """The same for one pattern."""
    return Recording(recording).find(pattern, name=name)


def find_part(pattern: Samples, recording: Samples, *, part_s: float = 1.5) -> Match:
    """The most alike part of a pattern that is repeated from somewhere in its middle on."""
    size = int(part_s * RATE)
    prepared = Recording(recording)
    parts = [pattern[start : start + size] for start in range(0, max(1, len(pattern) - size), size // 2)]
    return max((prepared.find(part) for part in parts), key=lambda match: match.likeness)


def trimmed(samples: Samples) -> Samples:
    """Without the silence at both ends, which correlates with any silence."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > QUIET)
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples[:0]
