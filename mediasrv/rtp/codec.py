"""Prompts: WAV files as G.711 (RFC 3551, 4.5.14), encoded once and kept until the file changes."""

import os
import warnings
import wave
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

with warnings.catch_warnings():
    # Gone from Python 3.13; this project is pinned to 3.11, and the fuss would be in every log.
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

SAMPLE_RATE_HZ: Final = 8000
SECONDS_MAX: Final = 600
CACHE_BYTES_MAX: Final = 256 * 1024 * 1024


class PromptError(Exception):
    """A prompt file cannot be played; the message names the file and says why."""


class Law(Enum):
    """G.711's two laws; the value is the static RTP payload type (RFC 3551, table 4)."""

    PCMU = 0
    PCMA = 8

    @property
    def silence(self) -> bytes:
        """The byte of an idle line."""
        return b"\xff" if self is Law.PCMU else b"\xd5"

    def encode(self, pcm: bytes) -> bytes:
        """16-bit native samples as G.711, one byte each."""
        return audioop.lin2ulaw(pcm, 2) if self is Law.PCMU else audioop.lin2alaw(pcm, 2)

    def decode(self, audio: bytes) -> bytes:
        """G.711 as 16-bit native samples."""
        return audioop.ulaw2lin(audio, 2) if self is Law.PCMU else audioop.alaw2lin(audio, 2)


def read_wav(path: Path) -> bytes:
    """The samples of an 8 kHz mono 16-bit WAV file. Raises PromptError when it is not one, or over 10 minutes."""
    try:
        with wave.open(str(path), "rb") as file:
            found = (file.getframerate(), file.getnchannels(), file.getsampwidth())
            if found != (SAMPLE_RATE_HZ, 1, 2):
                raise PromptError(f"{path}: {found[0]} Hz, {found[1]} channels, {8 * found[2]} bits; not 8000, 1, 16")
            if file.getnframes() > SECONDS_MAX * SAMPLE_RATE_HZ:
                raise PromptError(f"{path}: longer than {SECONDS_MAX} s")
            return file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise PromptError(f"{path}: not a WAV file of plain samples ({error or 'it ends too early'})") from error
    except OSError as error:
        raise PromptError(f"{path}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class _Encoded:
    mtime_ns: int
    size: int
    audio: bytes


class PromptCache:
    """Encoded prompts, by file and law; the least recently played go first when the cache is full."""

    def __init__(self, bytes_max: int = CACHE_BYTES_MAX) -> None:
        self._entries: OrderedDict[tuple[str, Law], _Encoded] = OrderedDict()
        self._bytes = 0
        self._bytes_max = bytes_max

    @property
    def size_bytes(self) -> int:
        """What the cached audio takes."""
        return self._bytes

    def load(self, path: Path, law: Law) -> bytes:
        """The file's audio, read anew when its time or size has changed. Raises PromptError."""
        key = (str(path), law)
        try:
            status = os.stat(path)
        except OSError as error:
            raise PromptError(f"{path}: {error.strerror}") from error
        entry = self._entries.get(key)
        if entry and (entry.mtime_ns, entry.size) == (status.st_mtime_ns, status.st_size):
            self._entries.move_to_end(key)
            return entry.audio
        audio = law.encode(read_wav(path))
        self._keep(key, _Encoded(status.st_mtime_ns, status.st_size, audio))
        return audio

    def _keep(self, key: tuple[str, Law], entry: _Encoded) -> None:
        old = self._entries.pop(key, None)
        self._bytes += len(entry.audio) - (len(old.audio) if old else 0)
        self._entries[key] = entry
        while self._bytes > self._bytes_max and len(self._entries) > 1:
            _, oldest = self._entries.popitem(last=False)
            self._bytes -= len(oldest.audio)
