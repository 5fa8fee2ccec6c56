"""From phrases to files: a recording if there is one, else speech from the cache, else speech made now.

``<recordings>/<language>/<segment>.wav`` is looked at each time, so that a recording is heard without a restart. What
is returned always lies in the cache, under a name that changes with the content: a player may keep it by path for ever.

::

    <cache>/en/balance.5f1c09ab37d2.wav      rendered; the hash is over the text, the voice and the renderer
    <cache>/en/balance.rec-9ab1c2…\u200b.wav       a recording, copied when it was first seen whole and right
    <cache>/en/warning.wav                   fixed names, for rtpengine: made by ``render``
    <cache>/tones/ringback.wav

Several processes share a cache: files appear by rename, and two that render the same piece write the same bytes.
"""

import asyncio
import hashlib
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from mediasrv.prompts import espeak, wav
from mediasrv.prompts.catalogue import load
from mediasrv.prompts.phrase import Phrase
from mediasrv.prompts.spoken import Segment, segments

log = logging.getLogger(__name__)

RENDERER = "1"  # change it when the same text is to sound otherwise: everything is rendered anew
RENDER_THREADS = 2
KNOWN_MAX = 20_000  # files remembered to exist; beyond it the memory is emptied


@dataclass(slots=True)
class PromptStore:
    """The prompts of a node. Safe to use from several threads and processes."""

    recordings_dir: Path | None
    cache_dir: Path
    _known: set[Path] = field(default_factory=set, repr=False)
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
        return self._exists(self._rendered_path(segment, language))

    def _at_hand(self, segment: Segment, language: str) -> Path | None:
        if recording := self._recording(segment.name, language):
            return recording
        path = self._rendered_path(segment, language)
        return path if self._exists(path) else None

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

    def _exists(self, path: Path) -> bool:
        if path in self._known:
            return True
        if not path.is_file():
            return False
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known.add(path)
        return True

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
        if version not in self._seen:
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
        if not path.is_file():
            wav.write_bytes(path, data)
        return path

    def _threads(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(RENDER_THREADS, thread_name_prefix="prompts")
            return self._pool
