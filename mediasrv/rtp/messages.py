"""What the media server and its RTP workers say to each other: one JSON object a datagram.

server → worker   {"id": 7, "do": "play", "call": 3, "play_id": "…", "files": […]}
worker → server   {"id": 7, "ok": {}}   or   {"id": 7, "failed": "prompt", "why": "…"}
worker → server   {"event": "digit", "call": 3, "key": "5", "kind": "rfc4733"}
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeVar

MESSAGE_BYTES_MAX: Final = 65_536

T = TypeVar("T")


class MessageError(ValueError):
    """The message is none that this side understands."""


@dataclass(frozen=True, slots=True)
class Open:
    """A new call: answered with ``call`` (its number in this worker), ``host`` and ``port``."""

    law: str


@dataclass(frozen=True, slots=True)
class Connect:
    """Where the caller is and what was negotiated. ``silence_after_s`` 0: never report silence."""

    call: int
    host: str
    port: int
    payload_type: int
    event_payload_type: int | None
    ptime_ms: int
    silence_after_s: float


@dataclass(frozen=True, slots=True)
class Play:
    """Prompts to play now, in place of what plays."""

    call: int
    play_id: str
    files: list[str]


@dataclass(frozen=True, slots=True)
class Stop:
    """Silence instead of what plays."""

    call: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Send nothing while ``on``."""

    call: int
    on: bool


@dataclass(frozen=True, slots=True)
class Close:
    """The end of a call; its ports are free again."""

    call: int


@dataclass(frozen=True, slots=True)
class GetStats:
    """Answered with the worker's counters."""


@dataclass(frozen=True, slots=True)
class DigitHeard:
    """A key was pressed; ``kind`` is "rfc4733" or "inband"."""

    call: int
    key: str
    kind: str


@dataclass(frozen=True, slots=True)
class PlayEnded:
    """A playing came to its end, or (``finished`` false) was stopped or replaced."""

    call: int
    play_id: str
    finished: bool


@dataclass(frozen=True, slots=True)
class SilenceHeard:
    """Nothing valid came from the caller for so long."""

    call: int
    seconds: float


Command = Open | Connect | Play | Stop | Hold | Close | GetStats
Notice = DigitHeard | PlayEnded | SilenceHeard

COMMANDS: Final[dict[str, type[Command]]] = {
    "open": Open,
    "connect": Connect,
    "play": Play,
    "stop": Stop,
    "hold": Hold,
    "close": Close,
    "stats": GetStats,
}
NOTICES: Final[dict[str, type[Notice]]] = {"digit": DigitHeard, "played": PlayEnded, "silence": SilenceHeard}
_NAMES: Final = {kind: name for name, kind in (*COMMANDS.items(), *NOTICES.items())}


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to the command with this id: ``failed`` is empty or one word, ``why`` a sentence."""

    request_id: int
    result: dict[str, Any]
    failed: str = ""
    why: str = ""


def command_bytes(request_id: int, command: Command) -> bytes:
    """A command as its datagram."""
    return _dump({"id": request_id, "do": _NAMES[type(command)], **asdict(command)})


def parse_command(data: bytes) -> tuple[int, Command]:
    """Reads a command and its id. Raises MessageError."""
    fields = _load(data)
    request_id = fields.pop("id", None)
    kind = COMMANDS.get(str(fields.pop("do", None)))
    if not isinstance(request_id, int) or kind is None:
        raise MessageError("neither a command nor an id")
    return request_id, _build(kind, fields)


def reply_bytes(reply: Reply) -> bytes:
    """A reply as its datagram."""
    if reply.failed:
        return _dump({"id": reply.request_id, "failed": reply.failed, "why": reply.why})
    return _dump({"id": reply.request_id, "ok": reply.result})


def notice_bytes(notice: Notice) -> bytes:
    """An event as its datagram."""
    return _dump({"event": _NAMES[type(notice)], **asdict(notice)})


def parse_from_worker(data: bytes) -> Reply | Notice:
    """Reads what a worker says. Raises MessageError."""
    fields = _load(data)
    kind = NOTICES.get(str(fields.pop("event", None)))
    if kind is not None:
        return _build(kind, fields)
    if not isinstance(fields.get("id"), int):
        raise MessageError("neither an event nor a reply")
    return Reply(fields["id"], fields.get("ok", {}), fields.get("failed", ""), fields.get("why", ""))


def _build(kind: type[T], fields: dict[str, Any]) -> T:
    try:
        return kind(**fields)
    except TypeError as error:
        raise MessageError(str(error)) from error


def _dump(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()


def _load(data: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(data)
    except ValueError as error:
        raise MessageError("not JSON") from error
    if not isinstance(fields, dict):
        raise MessageError("not a JSON object")
    return fields
