"""WAV files of the one kind that is played: 8,000 samples a second, one channel, 16-bit PCM. And tones."""

import io
import math
import os
import tempfile
import wave
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE_HZ = 8000
Samples = npt.NDArray[np.int16]

_TAPS = 16  # on either side of the output sample; enough to keep aliases below the noise of a G.711 line
_PASS_BAND = 0.92  # of the new Nyquist frequency
_PEAK = 0.7 * 32767


def wrong_with(path: Path) -> str | None:
    """What keeps a file from being played, or None: "is at 16000 Hz, must be 8000 Hz"."""
    try:
        with wave.open(str(path)) as file:
            if file.getnchannels() != 1:
                return f"has {file.getnchannels()} channels, must have 1"
            if file.getframerate() != RATE_HZ:
                return f"is at {file.getframerate()} Hz, must be {RATE_HZ} Hz"
            if file.getsampwidth() != 2:
                return f"has {8 * file.getsampwidth()}-bit samples, must have 16-bit samples"
            if not (frames := file.getnframes()):
                return "is empty"
            return "is cut off" if len(file.readframes(frames)) < 2 * frames else None
    except (OSError, EOFError, wave.Error) as error:
        return f"is not a readable WAV file ({error or 'too short'})"


def seconds_of(path: Path) -> float:
    """How long a WAV file plays."""
    with wave.open(str(path)) as file:
        return float(file.getnframes() / file.getframerate())


def read(data: bytes) -> tuple[Samples, int]:
    """Samples and rate (Hz) of a mono 16-bit WAV file in memory."""
    with wave.open(io.BytesIO(data)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.int16), file.getframerate()


def write(path: Path, samples: Samples) -> None:
    """Writes 8 kHz mono samples; whoever opens ``path`` meanwhile sees the old file or the whole new one."""
    with io.BytesIO() as memory:
        with wave.open(memory, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(samples.astype("<i2").tobytes())
        write_bytes(path, memory.getvalue())


def write_bytes(path: Path, data: bytes) -> None:
    """Atomic: a temporary file in the same directory, then a rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, 0o644)
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def resampled(samples: Samples, rate_hz: int) -> Samples:
    """To 8 kHz by a windowed-sinc filter bank, low-passed so that nothing folds back.

    The output's instants repeat relative to the input's: 160 phases when 22,050 Hz becomes 8,000 Hz, one filter each.
    """
    if rate_hz == RATE_HZ or not len(samples):
        return samples
    common = math.gcd(rate_hz, RATE_HZ)
    phases, step = RATE_HZ // common, rate_hz // common
    filters = _filters(phases, step)
    reach = filters.shape[1] // 2
    count = len(samples) * phases // step
    padded = np.pad(samples.astype(np.float64), (reach - 1, reach + 2 * step))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach)
    mixed = np.empty(count)
    for phase in range(min(phases, count)):
        outputs = mixed[phase::phases]
        outputs[:] = windows[phase * step // phases :: step][: len(outputs)] @ filters[phase]
    return np.clip(np.rint(mixed), -32768, 32767).astype(np.int16)


@cache
def _filters(phases: int, step: int) -> npt.NDArray[np.float64]:
    ratio = step / phases
    cutoff = _PASS_BAND * min(1.0, 1 / ratio)  # of the old Nyquist frequency
    reach = math.ceil(_TAPS * max(1.0, ratio))
    fractions = (np.arange(phases) * step % phases) / phases
    distances = np.arange(-reach + 1, reach + 1) - fractions[:, None]
    window = np.where(np.abs(distances) < reach, 0.5 + 0.5 * np.cos(np.pi * distances / reach), 0.0)
    filters: npt.NDArray[np.float64] = cutoff * np.sinc(cutoff * distances) * window
    return filters


def trimmed(samples: Samples, *, lead_s: float = 0.02, tail_s: float = 0.08, floor: int = 200) -> Samples:
    """Without the silence at both ends, but for ``lead_s`` and ``tail_s`` of it, so that pieces join evenly."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > floor)
    if not len(loud):
        return samples[:0]
    start = max(0, int(loud[0]) - int(lead_s * RATE_HZ))
    end = int(loud[-1]) + 1
    tail = np.zeros(int(tail_s * RATE_HZ), dtype=np.int16)
    return np.concatenate([samples[start:end], tail])


def levelled(samples: Samples) -> Samples:
    """Scaled to one peak level (−3 dB of full scale), as all prompts have it."""
    peak = int(np.abs(samples.astype(np.int32)).max(initial=0))
    return np.rint(samples * (_PEAK / peak)).astype(np.int16) if peak else samples


def tone(frequencies_hz: tuple[int, ...], on_s: float, off_s: float, level: float = 0.15) -> Samples:
    """Frequencies sounding together for ``on_s``, then silence for ``off_s``; each at ``level`` of full scale."""
    time = np.arange(int(on_s * RATE_HZ)) / RATE_HZ
    sound = np.sum([np.sin(2 * np.pi * hertz * time) for hertz in frequencies_hz], axis=0)
    silence = np.zeros(int(off_s * RATE_HZ))
    return np.rint(np.concatenate([sound, silence]) * level * 32767).astype(np.int16)


def joined(parts: list[Samples]) -> Samples:
    """One after the other."""
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16)
