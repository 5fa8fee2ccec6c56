"""The demo gateway seen from outside: its events (baresip's ctrl_tcp, JSON in netstrings) and what it recorded."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from console.stack.probe import Address

INTERESTING = ("CALL_INCOMING", "CALL_ESTABLISHED", "CALL_CLOSED")


class FarEnd:
    """Listens to the gateway's events until closed; ``tell`` gets a line for each call event."""

    def __init__(self, control: Address, heard: Path, *, tell: Callable[[str], None]) -> None:
        self.events: list[tuple[float, dict[str, Any]]] = []
        self._heard = heard
        self._tell = tell
        self._socket = socket.create_connection(control, timeout=5.0)
        self._socket.settimeout(None)
        threading.Thread(target=self._read, daemon=True).start()

    def recordings(self) -> list[Path]:
        """What the gateway heard, one file a call, oldest first."""
        return sorted(self._heard.glob("*-dec.wav"), key=lambda file: file.stat().st_mtime)

    def await_event(self, kind: str, since: float, *, timeout_s: float = 10.0) -> float | None:
        """When an event of this kind came after ``since`` (epoch seconds); None when it did not in time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = next((at for at, event in list(self.events) if event["type"] == kind and at >= since), None)
            if found is not None:
                return found
            time.sleep(0.02)
        return None

    def close(self) -> None:
        """Stops listening."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _read(self) -> None:
        data = b""
        while True:
            try:
                more = self._socket.recv(65536)
            except OSError:
                return
            if not more:
                return
            data += more
            while (message := _netstring(data)) is not None:
                body, data = message
                self._note(json.loads(body))

    def _note(self, event: dict[str, Any]) -> None:
        if event.get("type") in INTERESTING:
            self.events.append((time.time(), event))
            words = {"CALL_INCOMING": "rings", "CALL_ESTABLISHED": "is connected", "CALL_CLOSED": "sees the end"}
            self._tell(f"{words[event['type']]}  ({event.get('peeruri', '')})")


def _netstring(data: bytes) -> tuple[bytes, bytes] | None:
    """The first whole netstring (``5:hello,``) and what follows it."""
    length, colon, rest = data.partition(b":")
    if not colon or len(rest) < int(length) + 1:
        return None
    return rest[: int(length)], rest[int(length) + 1 :]
