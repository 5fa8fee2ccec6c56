r"""The call journal: what happened to calls, on the disk of the node where it happened, until the ledger has it.

A record is one write to a file opened with O_APPEND: ``\n<crc32, 8 hex digits> <JSON>\n``. The leading line end closes
whatever a crash or a full disk left torn before it, so that a torn record harms itself only; the checksum tells a whole
record from a torn one. Every hour has its own file, named by the writer's clock: processes rotate without talking to
each other. The reader keeps an offset per file, and never minds in which of them a late record lands.
"""

import json
import os
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SUFFIX = ".journal"
RECORD_MAX_BYTES = 4096
READ_BYTES = 2**20
KEPT_APPLIED_S = 7 * 86_400  # applied files are kept so long for those who want to look

Event = dict[str, Any]


class JournalWriter:
    """Appends events. Threads and processes may write to the same directory at once; never raises into a call."""

    def __init__(self, directory: str | os.PathLike[str], node: str) -> None:
        self.failures = 0  # events that could not be written
        self._directory = Path(directory)
        self._node = node
        self._boot = boot_id()
        self._fd = -1
        self._hour = -1

    def append(self, event: Mapping[str, Any]) -> bool:
        """Writes one event; node, times and boot id are added where missing. False when it could not be written."""
        try:
            data = self._encode(event)
            if len(data) > RECORD_MAX_BYTES:
                raise ValueError(f"an event of {len(data)} bytes")
            done = os.write(self._file(), data) == len(data)  # a short write is a disk that has become full
        except (OSError, TypeError, ValueError):
            done = False
        if not done:
            self.failures += 1
            self.close()  # what is wrong with this file need not be wrong with the next one
        return done

    def close(self) -> None:
        if self._fd >= 0:
            with suppress(OSError):
                os.close(self._fd)
        self._fd = self._hour = -1

    def _encode(self, event: Mapping[str, Any]) -> bytes:
        if "boot" in event:
            return encode(event)  # the edge's events have all of it
        stamp = {
            "node": self._node,
            "t_us": time.time_ns() // 1000,
            "mono_us": boot_clock_us(),
            "boot": self._boot,
        }
        return encode({**stamp, **event})

    def _file(self) -> int:
        """The descriptor of this hour's file, opened again when somebody removed it."""
        hour = int(time.time()) // 3600
        if hour != self._hour or os.fstat(self._fd).st_nlink == 0:
            self.close()
            self._directory.mkdir(parents=True, exist_ok=True)
            path = self._directory / file_name(hour)
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
            self._hour = hour
        return self._fd


# Made once: json.dumps with arguments makes an encoder each time, which costs more than the record itself.
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def encode(event: Mapping[str, Any]) -> bytes:
    """A record, ready to be written at once. Raises TypeError, ValueError for what JSON cannot say."""
    text = _ENCODER.encode(event).encode()
    return b"\n%08x %b\n" % (zlib.crc32(text), text)


def decode(line: bytes) -> Event | None:
    """The event of a line, None when the line is torn."""
    checksum, _, text = line.partition(b" ")
    with suppress(ValueError):
        if len(checksum) == 8 and int(checksum, 16) == zlib.crc32(text):
            event = json.loads(text.decode())  # text, or json would look for its encoding first
            return event if isinstance(event, dict) else None
    return None


def file_name(hour: int) -> str:
    """The file of an hour (since the epoch); names sort by time."""
    return time.strftime("%Y%m%d-%H", time.gmtime(hour * 3600)) + SUFFIX


def boot_clock_us() -> int:
    """Microseconds since the machine started, suspended ones too: no clock step moves it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def boot_id() -> str:
    """Which start of the machine ``boot_clock_us`` counts from; "" where the system does not say."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    return ""


@dataclass(slots=True)
class Batch:
    """What a look at the journal found: events in the order of their files, and the offsets to store with them."""

    events: list[Event] = field(default_factory=list)
    offsets: dict[str, int] = field(default_factory=dict)  # only of files that were read on
    torn: int = 0


class JournalReader:
    """Reads the journal of one node from stored offsets on."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._directory = Path(directory)

    def read(self, offsets: Mapping[str, int], events_max: int) -> Batch:
        """The next events, at most about ``events_max``. A record without its line end is not there yet."""
        batch = Batch()
        for path in self.files():
            if len(batch.events) >= events_max:
                break
            offset = start = self._start(path, offsets)
            for line, end in self._lines(path, offset):
                offset = end
                if line:
                    event = decode(line)
                    if event is None:
                        batch.torn += 1
                    else:
                        batch.events.append(event)
                if len(batch.events) >= events_max:
                    break
            if offset != start:
                batch.offsets[path.name] = offset
        return batch

    def files(self) -> list[Path]:
        """All files, oldest first; none when there is no directory yet."""
        return sorted(self._directory.glob(f"*{SUFFIX}"))

    def size_bytes(self) -> int:
        return sum(self._size(path) for path in self.files())

    def unread_bytes(self, offsets: Mapping[str, int]) -> int:
        """Of whole records. What a killed process left torn at the end of a file is no news, and never will be."""
        return sum(max(0, self._whole(path) - offsets.get(path.name, 0)) for path in self.files())

    def remove_applied(self, offsets: Mapping[str, int], older_than_s: float = KEPT_APPLIED_S) -> list[str]:
        """Removes files read to their end and untouched for so long; their names, whose offsets may be forgotten."""
        removed = []
        for path in self.files():
            stat = path.stat()
            if stat.st_size == offsets.get(path.name, 0) and time.time() - stat.st_mtime > older_than_s:
                path.unlink()
                removed.append(path.name)
        return removed

    def _start(self, path: Path, offsets: Mapping[str, int]) -> int:
        """The stored offset; 0 when the file is shorter than that, for then it is another file of that name."""
        offset = offsets.get(path.name, 0)
        return offset if offset <= self._size(path) else 0

    @staticmethod
    def _lines(path: Path, offset: int) -> Iterator[tuple[bytes, int]]:
        """Whole lines from ``offset`` on, each with where it ends."""
        with path.open("rb") as file:
            file.seek(offset)
            rest = b""
            while data := file.read(READ_BYTES):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    offset += len(line) + 1
                    yield line, offset

    @staticmethod
    def _whole(path: Path) -> int:
        """Where the last whole record of a file ends."""
        with suppress(FileNotFoundError), path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            tail = min(size, RECORD_MAX_BYTES + 1)
            file.seek(size - tail)
            return size - tail + file.read(tail).rfind(b"\n") + 1
        return 0

    @staticmethod
    def _size(path: Path) -> int:
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0
