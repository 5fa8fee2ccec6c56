"""The call log: what becomes of calls, one JSON line a step, to be followed by ``call`` through all processes.

Each part of a node appends to a file of its own in the directory that ``[log] calls`` names: ``edge.jsonl``,
``mediasrv.jsonl``, ``keeper.jsonl``. A line is one write to a file opened with O_APPEND, so the processes of a part
share it; a file that was renamed or removed is left at the next line: rotating needs neither a signal nor a copy.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rating.settings import Settings

SUFFIX = ".jsonl"

Facts = Mapping[str, Any]
Say = Callable[[str], None]


class CallLog:
    """A part's call log. Never raises into a call: what cannot be written is said to ``otherwise``, as is everything
    without a ``directory``. Facts are JSON values, never a PIN or a digit of one."""

    def __init__(self, directory: Path | None, part: str, node: str, otherwise: Say = lambda _: None) -> None:
        self._path = None if directory is None else directory / f"{part}{SUFFIX}"
        self._common = {"part": part, "node": node}
        self._otherwise = otherwise
        self._fd = -1
        self._lock = threading.Lock()

    @classmethod
    def of(cls, settings: Settings, part: str, otherwise: Say = lambda _: None) -> "CallLog":
        """The one that the settings ask for."""
        return cls(directory_of(settings), part, settings.node, otherwise)

    @property
    def kept(self) -> bool:
        """Whether there is a directory for it."""
        return self._path is not None

    def step(self, call_id: str, name: str, **facts: Any) -> None:
        """One thing that happened to a call, now (``t_us``: CLOCK_REALTIME)."""
        self.steps([{"call": call_id, "step": name, **facts}])

    def steps(self, steps: Iterable[Facts]) -> None:
        """Several, each with its ``call`` and ``step``, in one write."""
        now_us = time.time_ns() // 1000
        lines = [encode({**step, "t_us": now_us, **self._common}) for step in steps]
        if not lines:
            return
        text = "\n".join(lines)
        try:
            data = f"{text}\n".encode()
            with self._lock:
                done = self._path is not None and os.write(self._file(self._path), data) == len(data)
        except OSError:
            done = False
        if not done:
            self._otherwise(text)

    def close(self) -> None:
        """It is opened again when needed."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def _file(self, path: Path) -> int:
        """The descriptor of the file that has the path now."""
        if self._fd >= 0:
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(self._fd), os.stat(path)):
                    return self._fd
            self.close()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        return self._fd


def directory_of(settings: Settings) -> Path | None:
    """``[log] calls``; None when no call log is kept."""
    calls = settings.table("log").get("calls", "")
    return Path(calls) if calls else None


# Made once: json.dumps with arguments makes an encoder each time, which costs more than the line itself.
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, default=str)


def encode(facts: Facts) -> str:
    """One line; what JSON does not know is written as text."""
    return _ENCODER.encode(facts)
