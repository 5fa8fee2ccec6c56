"""From phrases to files: a recording if there is one, else speech from the cache, else speech made now.

``<recordings>/<language>/<segment>.wav`` is looked at each time, so that a recording is heard without a restart. What
is returned always lies in the cache, under a name that changes with the content: a player may keep it by path for ever.

::

    <cache>/en/balance.5f1c09ab37d2.wav      rendered; the hash is over the text, the voice and the renderer
    <cache>/en/balance.rec-9ab1c2…\u200b.wav       a recording, copied when it was first seen whole and right
    <cache>/en/warning.wav                   fixed names, for rtpengine: made by ``render``
    <cache>/tones/ringback.wav

Several processes share a cache: files appear by rename, and two that render the same piece write the same bytes.
A file in use has a time of modification of the last day, so that ``prune`` can tell what nobody has heard for long:
speech of changed texts, recordings that were replaced, rare amounts.
"""

import asyncio
import hashlib
import logging
import os
import re
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mediasrv.prompts import espeak, wav
from mediasrv.prompts.catalogue import load
from mediasrv.prompts.phrase import Phrase
from mediasrv.prompts.spoken import Segment, segments

log = logging.getLogger(__name__)

RENDERER = "1"  # change it when the same text is to sound otherwise: everything is rendered anew
RENDER_THREADS = 2
DAY_S = 86_400
_HASHED = re.compile(r".+\.(rec-)?[0-9a-f]{12}\.wav")  # not the fixed names, which rtpengine plays


@dataclass(slots=True)
class PromptStore:
    """The prompts of a node. Safe to use from several threads and processes."""

    recordings_dir: Path | None
    cache_dir: Path
    _seen: dict[tuple[Path, int, int], Path | None] = field(default_factory=dict, repr=False)
    _pool: ThreadPoolExecutor | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def files(self, phrase: Phrase, language: str) -> list[Path]:
        """The files that say the phrase, in order; renders what is missing (blocks, then). Raises SpeechError."""
        spoken_in = phrase.language or language
        own = self._own_recording(phrase, spoken_in)
        return own or [self.file(segment, spoken_in) for segment in segments(phrase, spoken_in)]

    async def ready(self, phrases: Sequence[Phrase], language: str) -> list[Path]:
        """The files of several phrases. What must be rendered is rendered beside the event loop."""
        files: list[Path] = []
        for phrase in phrases:
            at_hand = self.at_hand(phrase, language)
            if at_hand is None:
                loop = asyncio.get_running_loop()
                at_hand = await loop.run_in_executor(self._threads(), self.files, phrase, language)
            files += at_hand
        return files

    def at_hand(self, phrase: Phrase, language: str) -> list[Path] | None:
        """What ``files`` returns if it need not render; None if it must."""
        spoken_in = phrase.language or language
        if own := self._own_recording(phrase, spoken_in):
            return own
        files = [self._at_hand(segment, spoken_in) for segment in segments(phrase, spoken_in)]
        return None if None in files else [file for file in files if file]

    def file(self, segment: Segment, language: str) -> Path:
        """The file of one segment; rendered now if it is neither recorded nor in the cache."""
        return self._at_hand(segment, language) or self._rendered(segment, language)

    def is_rendered(self, segment: Segment, language: str) -> bool:
        """Whether the speech of a segment is in the cache."""
        return _is_kept(self._rendered_path(segment, language))

    def prune(self, unused_days: float) -> int:
        """Removes what nobody has heard for so long, also what a killed process left half-written; how many files."""
        oldest = time.time() - unused_days * DAY_S
        removed = 0
        for file in self.cache_dir.glob("*/*"):
            with suppress(FileNotFoundError):  # another process prunes too
                if (_HASHED.fullmatch(file.name) or file.name.endswith(".tmp")) and file.stat().st_mtime < oldest:
                    file.unlink()
                    removed += 1
        return removed

    def _at_hand(self, segment: Segment, language: str) -> Path | None:
        if recording := self._recording(segment.name, language):
            return recording
        path = self._rendered_path(segment, language)
        return path if _is_kept(path) else None

    def _own_recording(self, phrase: Phrase, language: str) -> list[Path]:
        own = self._recording(f"{phrase.prompt}-{phrase.variant}", language) if phrase.variant else None
        return [own] if own else []

    def _rendered(self, segment: Segment, language: str) -> Path:
        path = self._rendered_path(segment, language)
        pack = load(language)
        wav.write(path, espeak.speak(segment.text, pack.voice, pack.words_per_minute))
        return path

    def _rendered_path(self, segment: Segment, language: str) -> Path:
        pack = load(language)
        content = f"{RENDERER}\0{pack.voice}\0{pack.words_per_minute}\0{segment.text}"
        digest = hashlib.sha256(content.encode()).hexdigest()[:12]
        return self.cache_dir / language / f"{segment.name}.{digest}.wav"

    def _recording(self, name: str, language: str) -> Path | None:
        """The cache's copy of a recording; None when there is none that can be played."""
        if self.recordings_dir is None:
            return None
        source = self.recordings_dir / language / f"{name}.wav"
        try:
            status = source.stat()
        except OSError:
            return None
        version = (source, status.st_mtime_ns, status.st_size)
        copy = self._seen.get(version)
        if version not in self._seen or (copy and not _is_kept(copy)):
            self._seen[version] = self._adopted(source, name, language)
        return self._seen[version]

    def _adopted(self, source: Path, name: str, language: str) -> Path | None:
        """A half-written or wrong file is not taken: the caller hears the speech engine, the log says why."""
        if wrong := wav.wrong_with(source):
            log.warning("the recording %s %s: not used", source, wrong)
            return None
        data = source.read_bytes()
        digest = hashlib.sha256(data).hexdigest()[:12]
        path = self.cache_dir / language / f"{name}.rec-{digest}.wav"
        if not _is_kept(path):
            wav.write_bytes(path, data)
        return path

    def _threads(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(RENDER_THREADS, thread_name_prefix="prompts")
            return self._pool


def _is_kept(path: Path) -> bool:
    """Whether the cache has a file; it is marked as used, at most once a day."""
    try:
        used_s = path.stat().st_mtime
    except OSError:
        return False
    if time.time() - used_s > DAY_S:
        with suppress(OSError):  # a cache that is not ours to write
            os.utime(path)
    return True
