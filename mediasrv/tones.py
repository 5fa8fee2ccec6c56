"""The ringing tone that a caller hears while the far end rings, made once into the cache."""

import wave
from pathlib import Path

import numpy as np

RATE_HZ = 8000
LEVEL = 4000  # of 32767: about −21 dBm0 each
NORTH_AMERICA = frozenset({"US", "CA", "PR", "DO", "JM", "BS", "TT"})
RING_MAX_S = 180


def ringback(country: str, directory: Path) -> list[Path]:
    """Files that ring for 3 minutes in the manner of a country (ISO 3166): 440 + 480 Hz, 2 s on, 4 s off in North
    America, else 425 Hz, 1 s on, 4 s off (ITU-T E.180)."""
    american = country.upper() in NORTH_AMERICA
    tones, on_s, off_s = ((440, 480), 2, 4) if american else ((425,), 1, 4)
    path = directory / f"ringback-{'na' if american else 'itu'}.wav"
    if not path.exists():
        _write(path, tones, on_s, off_s)
    return [path] * (RING_MAX_S // (on_s + off_s))


def _write(path: Path, tones: tuple[int, ...], on_s: int, off_s: int) -> None:
    moments = np.arange(RATE_HZ * on_s) / RATE_HZ
    sound = sum(LEVEL * np.sin(2 * np.pi * tone * moments) for tone in tones)
    samples = np.concatenate([sound, np.zeros(RATE_HZ * off_s)]).astype("<i2")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    with wave.open(str(draft), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())
    draft.replace(path)
