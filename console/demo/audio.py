"""Audio of the demo's ends: what a caller heard, as it arrived, and whether a given recording can be heard in it."""

import threading
import wave
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 8000  # samples a second
FRAME = 160  # samples a packet: 20 ms
FULL_SCALE = 32768
QUIET = 150  # of 32768: a frame whose loudest sample is below is silence
REBASE_SAMPLES = RATE // 5  # a stream that is off by more starts anew at its time of arrival

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


def find(pattern: Samples, recording: Samples, *, name: str = "") -> Match:
    """Where ``pattern`` is best heard in ``recording``, and how alike it is there. Silence is like nothing."""
    pattern = _trim(pattern)
    if len(pattern) < FRAME or len(recording) < len(pattern):
        return Match(name, 0.0, 0.0, len(pattern) / RATE)
    size = 1 << (len(recording) + len(pattern) - 1).bit_length()
    signal = recording.astype(np.float64)
    wanted = pattern.astype(np.float64)
    product = np.fft.irfft(np.fft.rfft(signal, size) * np.conj(np.fft.rfft(wanted, size)), size)
    product = product[: len(recording) - len(pattern) + 1]
    power = np.concatenate([[0.0], np.cumsum(signal**2)])
    energy = power[len(pattern) :] - power[: len(power) - len(pattern)]
    floor = float(QUIET**2 * len(pattern)) / 100
    likeness = product / np.sqrt(np.maximum(energy, floor) * float(np.sum(wanted**2)))
    best = int(np.argmax(likeness))
    return Match(name, best / RATE, float(likeness[best]), len(pattern) / RATE)


def recognise(recording: Samples, known: Iterable[tuple[str, Samples]], *, threshold: float = 0.6) -> list[Match]:
    """Which of the known recordings are heard, in order of time."""
    matches = (find(pattern, recording, name=name) for name, pattern in known)
    return sorted((match for match in matches if match.likeness >= threshold), key=lambda match: match.at_s)


def _trim(samples: Samples) -> Samples:
    """Without the silence at both ends, which correlates with any silence."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > QUIET)
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples[:0]
