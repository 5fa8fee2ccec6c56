"""A small client of rtpengine's ng protocol: bencoded dictionaries over UDP, answers matched by cookie.

rtpengine remembers the answers to recent cookies, so that asking again after a lost packet does nothing twice.
"""

import secrets
import socket
import time
from collections.abc import Sequence
from typing import Any

TRIES = 3
TRY_TIMEOUT_S = 0.5


class NgError(Exception):
    """rtpengine did not answer, or answered that it could not."""


class NgClient:
    """Blocking; every request has a socket of its own, so threads may share it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address

    def request(self, command: str, **arguments: str | int | list[str]) -> dict[str, Any]:
        """Sends ``command``; underscores in argument names become hyphens. Raises NgError."""
        cookie = secrets.token_hex(8).encode()
        body = {key.replace("_", "-"): value for key, value in arguments.items()} | {"command": command}
        packet = cookie + b" " + bencode(body)
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as udp:
            udp.connect(self._address)
            for _ in range(TRIES):
                answer = _ask(udp, packet, cookie)
                if answer is not None:
                    if answer.get("result") not in ("ok", "pong"):
                        raise NgError(f"rtpengine: {command}: {answer.get('error-reason', answer)}")
                    return answer
        raise NgError(f"rtpengine at {self._address[0]}:{self._address[1]} does not answer")


class Relays:
    """Several rtpengines, asked as one: only one of them has a call, and says so."""

    def __init__(self, addresses: Sequence[tuple[str, int]]) -> None:
        self._clients = [NgClient(address) for address in addresses]

    def request(self, command: str, **arguments: str | int | list[str]) -> dict[str, Any]:
        """The answer of the relay that has the call. Raises NgError, the last relay's, when none has."""
        failure = NgError("there is no rtpengine in the settings")
        for client in self._clients:
            try:
                answer = client.request(command, **arguments)
            except NgError as error:
                failure = error
                continue
            if "warning" not in answer or client is self._clients[-1]:  # so "delete" tells of a call it does not know
                return answer
        raise failure


def _ask(udp: socket.socket, packet: bytes, cookie: bytes) -> dict[str, Any] | None:
    """One try: the answer with that cookie, None when none came in time."""
    deadline = time.monotonic() + TRY_TIMEOUT_S
    try:
        udp.send(packet)
        while (left_s := deadline - time.monotonic()) > 0:
            udp.settimeout(left_s)
            head, _, body = udp.recv(65_536).partition(b" ")
            if head == cookie:
                answer = bdecode(body)
                return answer if isinstance(answer, dict) else {}
    except OSError:  # time-out, or refused: nobody listens
        return None
    except ValueError as error:
        raise NgError(f"rtpengine sent what is not bencode: {error}") from error
    return None


def bencode(value: str | bytes | int | list[Any] | dict[str, Any]) -> bytes:
    """Bencode: integers ``i1e``, texts ``3:abc``, lists ``l…e``, dictionaries ``d…e`` with sorted keys."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%b" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    return b"d" + b"".join(bencode(key) + bencode(value[key]) for key in sorted(value)) + b"e"


def bdecode(data: bytes) -> Any:
    """The value of a whole bencoded text; byte strings become text. Raises ValueError."""
    value, end = _decode(data, 0)
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes too many")
    return value


def _decode(data: bytes, at: int) -> tuple[Any, int]:
    kind = data[at : at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1 : end]), end + 1
    if kind in (b"l", b"d"):
        items, at = [], at + 1
        while data[at : at + 1] != b"e":
            item, at = _decode(data, at)
            items.append(item)
        return (items if kind == b"l" else dict(zip(items[::2], items[1::2], strict=True))), at + 1
    if not kind.isdigit():
        raise ValueError(f"no value at byte {at}")
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    if end > len(data):
        raise ValueError("cut short")
    return data[colon + 1 : end].decode(errors="replace"), end
