"""Session descriptions (RFC 4566) as far as a caller on G.711 needs them: read an offer, answer it, make one. No I/O.

Whatever else is offered (video, other codecs, SRTP) is declined line by line, as RFC 3264 6 wants it: an answer has as
many media lines as its offer.
"""

import ipaddress
from dataclasses import dataclass, replace
from secrets import randbelow

LAWS = {"PCMU": 0, "PCMA": 8}
_STATIC = {"0": "PCMU", "8": "PCMA"}  # RFC 3551; a dynamic type for them is legal, nobody uses it, it is not taken
OUR_EVENT_TYPE = 101  # of telephone-event in our own offers
PTIMES_MS = range(10, 61, 10)
OPPOSITE = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


class NotAcceptableError(ValueError):
    """No session can be made of it: to be answered with 488. The message says why."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Our o= line. The version counts up with each description that differs (RFC 3264 8)."""

    session: int
    version: int
    address: str

    @classmethod
    def new(cls, address: str) -> "Origin":
        return cls(randbelow(1 << 62), 1, address)

    def next(self) -> "Origin":
        return replace(self, version=self.version + 1)

    def __str__(self) -> str:
        return f"o=- {self.session} {self.version} IN {family(self.address)} {self.address}"


@dataclass(frozen=True, slots=True)
class Audio:
    """The far side's audio. ``direction`` is from its point of view ("sendonly": it hears nothing of us)."""

    host: str
    port: int
    law: str  # "PCMU" or "PCMA"
    payload_type: int
    event_payload_type: int | None  # telephone-event/8000
    ptime_ms: int
    direction: str
    index: int  # of its media line

    @property
    def hears(self) -> bool:
        """Whether it wants our packets; port 9 and 0.0.0.0 are the older ways to say no (RFC 2543, RFC 3264 8.4)."""
        return self.direction in ("sendrecv", "recvonly") and not ipaddress.ip_address(self.host).is_unspecified


@dataclass(frozen=True, slots=True)
class _Section:
    """A media line with the lines under it."""

    media: str
    port: int
    transport: str
    formats: tuple[str, ...]
    lines: tuple[str, ...]

    def attributes(self, name: str) -> list[str]:
        return [line[len(name) + 3 :] for line in self.lines if line.startswith(f"a={name}:")]


def family(address: str) -> str:
    """ "IP4" or "IP6"."""
    return "IP6" if ":" in address else "IP4"


def read(text: str) -> Audio:
    """The first audio line on G.711 of an offer or answer. Raises NotAcceptableError when there is none."""
    head, sections = _split(text)
    for index, section in enumerate(sections):
        if section.media == "audio" and section.port > 0 and section.transport == "RTP/AVP":
            law = next((name for kind in section.formats if (name := _STATIC.get(kind))), None)
            if law:
                return _audio(head, section, law, index)
    raise NotAcceptableError("no audio on G.711 over RTP/AVP")


def answer(offer: str, theirs: Audio, *, address: str, port: int, origin: Origin) -> str:
    """Our answer: one codec, their event payload type, every other media line declined."""
    _, sections = _split(offer)
    lines = _session_lines(origin, address)
    for index, section in enumerate(sections):
        if index == theirs.index:
            direction = OPPOSITE[theirs.direction]
            lines += _audio_lines(port, [(theirs.payload_type, theirs.law)], theirs.event_payload_type, direction)
        else:
            lines.append(f"m={section.media} 0 {section.transport} {' '.join(section.formats)}")
    return _join(lines)


def offer(*, address: str, port: int, origin: Origin, first: str = "PCMU") -> str:
    """Our offer: both laws, ``first`` in front, and telephone-event."""
    laws = sorted(((kind, law) for law, kind in LAWS.items()), key=lambda law: law[1] != first)
    return _join(_session_lines(origin, address) + _audio_lines(port, laws, OUR_EVENT_TYPE, "sendrecv"))


def with_origin(text: str, origin: Origin) -> str:
    """Another's description as one of ours: what we pass from leg to leg goes out under our own o= line."""
    lines = text.splitlines()
    return _join([str(origin) if line.startswith("o=") else line for line in lines if line])


def endpoint(text: str) -> tuple[str, int]:
    """Where the audio of an offer or answer is received. Raises NotAcceptableError."""
    audio = read(text)
    return audio.host, audio.port


def same_version(text: str, other: str) -> bool:
    """The o= lines are equal: nothing of the session has changed (RFC 3264 8)."""
    return _origin_of(text) == _origin_of(other) != ""


def alike(text: str, other: str) -> bool:
    """Nothing differs but the o= lines."""
    return _without_origin(text) == _without_origin(other)


def _without_origin(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("o=")]


def _origin_of(text: str) -> str:
    return next((line for line in text.splitlines() if line.startswith("o=")), "")


def _split(text: str) -> tuple[list[str], list[_Section]]:
    """The session's own lines, and one section a media line. Raises NotAcceptableError."""
    blocks: list[list[str]] = [[]]
    for line in (raw.strip() for raw in text.splitlines()):
        if line.startswith("m="):
            blocks.append([])
        if line:
            blocks[-1].append(line)
    return blocks[0], [_section(block) for block in blocks[1:]]


def _section(block: list[str]) -> _Section:
    fields = block[0][2:].split()
    if len(fields) < 4 or not fields[1].partition("/")[0].isdecimal():
        raise NotAcceptableError(f"not a media line: {block[0][:60]!r}")
    port = int(fields[1].partition("/")[0])
    if port > 65535:
        raise NotAcceptableError(f"no such port: {port}")
    return _Section(fields[0], port, fields[2], tuple(fields[3:]), tuple(block[1:]))


def _audio(head: list[str], section: _Section, law: str, index: int) -> Audio:
    return Audio(
        host=_host(head, section),
        port=section.port,
        law=law,
        payload_type=LAWS[law],
        event_payload_type=_event_type(section),
        ptime_ms=_ptime(section),
        direction=_direction(head, section),
        index=index,
    )


def _payload_type(kind: str) -> int:
    if not kind.isdecimal() or int(kind) > 127:
        raise NotAcceptableError(f"no such payload type: {kind[:10]!r}")
    return int(kind)


def _event_type(section: _Section) -> int | None:
    for mapped in section.attributes("rtpmap"):
        number, _, encoding = mapped.partition(" ")
        if encoding.strip().lower().startswith("telephone-event/8000") and number in section.formats:
            return _payload_type(number)
    return None


def _ptime(section: _Section) -> int:
    wished = next(iter(section.attributes("ptime")), "20").strip()
    return int(wished) if wished.isdecimal() and int(wished) in PTIMES_MS else 20


def _direction(head: list[str], section: _Section) -> str:
    for lines in (section.lines, head):
        for line in lines:
            if line[2:] in OPPOSITE and line.startswith("a="):
                return line[2:]
    return "sendrecv"


def _host(head: list[str], section: _Section) -> str:
    """The connection address (c=): of the media line, else of the session. Names are not resolved."""
    line = next((line for lines in (section.lines, head) for line in lines if line.startswith("c=")), "")
    try:
        return str(ipaddress.ip_address(line.split()[2].partition("/")[0]))
    except (IndexError, ValueError) as error:
        raise NotAcceptableError(f"no address in {line[:60]!r}") from error


def _session_lines(origin: Origin, address: str) -> list[str]:
    return ["v=0", str(origin), "s=Cardswitch", f"c=IN {family(address)} {address}", "t=0 0"]


def _audio_lines(port: int, laws: list[tuple[int, str]], event_type: int | None, direction: str) -> list[str]:
    kinds = [kind for kind, _ in laws] + ([] if event_type is None else [event_type])
    lines = [f"m=audio {port} RTP/AVP {' '.join(map(str, kinds))}"]
    lines += [f"a=rtpmap:{kind} {law}/8000" for kind, law in laws]
    if event_type is not None:
        lines += [f"a=rtpmap:{event_type} telephone-event/8000", f"a=fmtp:{event_type} 0-15"]
    return [*lines, "a=ptime:20", f"a={direction}"]


def _join(lines: list[str]) -> str:
    return "".join(line + "\r\n" for line in lines)
