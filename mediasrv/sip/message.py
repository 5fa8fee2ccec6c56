"""SIP messages as the rest of mediasrv sees them: plain frozen values, no sippy in them."""

import re
from dataclasses import dataclass, field

Headers = tuple[tuple[str, str], ...]

SUPPORTED = ("timer",)
ALLOWED = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE"
SDP = "application/sdp"

_CAUSE = re.compile(r"Q\.850\s*;[^,]*?\bcause\s*=\s*(\d{1,3})", re.IGNORECASE)
_TAG = re.compile(r";\s*tag\s*=\s*([^\s;,>]+)", re.IGNORECASE)
_USER = re.compile(r"^<?sips?:([^@;>]+)@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Message:
    """What requests and responses share. Header names are lower case, in the order of the message."""

    headers: Headers
    body: str = field(default="", repr=False)  # an INFO's body may be a digit of a PIN
    content_type: str = ""  # without parameters, lower case

    def header(self, name: str) -> str | None:
        """The first header of that name (lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)

    def all(self, name: str) -> tuple[str, ...]:
        """All values of a header, in order."""
        return tuple(value for key, value in self.headers if key == name)

    @property
    def call_id(self) -> str:
        return self.header("call-id") or ""

    @property
    def sdp(self) -> str:
        """The body when it is a session description, else ""."""
        return self.body if self.content_type == SDP else ""

    @property
    def cause(self) -> int:
        """Q.850 cause of the Reason headers (RFC 3326), 0 when there is none."""
        for value in self.all("reason"):
            if found := _CAUSE.search(value):
                return int(found[1])
        return 0


@dataclass(frozen=True, slots=True)
class Request(Message):
    method: str = ""
    uri: str = ""
    source: tuple[str, int] = ("", 0)
    cseq: int = 0


@dataclass(frozen=True, slots=True)
class Response(Message):
    status: int = 0
    reason: str = ""


def tag_of(address: str) -> str:
    """The tag of a From or To value, "" when it has none."""
    parameters = address.rpartition(">")[2] or address
    found = _TAG.search(parameters)
    return found[1] if found else ""


def uri_of(address: str) -> str:
    """The URI of a name-addr or addr-spec (RFC 3261 20.10: without brackets, parameters belong to the header)."""
    if "<" in address:
        return address.rpartition("<")[2].partition(">")[0]
    return address.partition(";")[0].strip()


def user_of(uri: str) -> str:
    """The user part of a SIP URI, "" when it has none."""
    found = _USER.match(uri)
    return found[1] if found else ""


def options_of(message: Message, header: str) -> frozenset[str]:
    """The option tags of a Require or Supported header."""
    return frozenset(tag.strip().lower() for value in message.all(header) for tag in value.split(",") if tag.strip())
