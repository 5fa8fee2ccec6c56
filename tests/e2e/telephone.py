"""baresip as a plain telephone of the end-to-end stories (SIPp is in tests/edge/sipp.py, pyVoIP in console/demo)."""

import contextlib
import json
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from console.demo.audio import Samples
from console.stack.gateway import MODULES
from console.stack.ports import free_port
from console.stack.process import end_child
from tests.support.stack import await_true

WAV_HEADER = 44


class Telephone:
    """A telephone at ``host`` with the CallerID ``ani``, driven over ctrl_tcp; records what it hears."""

    def __init__(self, host: str, ani: str, speech: Path, directory: Path) -> None:
        self.directory = directory
        self.host = host
        port, control = free_port(host), free_port(host)
        (directory / "heard").mkdir(parents=True)
        account = f"<sip:{ani}@{host}:{port}>;regint=0;audio_codecs=PCMU/8000/1"
        (directory / "accounts").write_text(account + "\n")
        (directory / "contacts").write_text("")
        settings = [
            f"sip_listen {host}:{port}",
            f"net_interface {host}",
            f"audio_source aufile,{speech}",
            f"audio_player aufile,{directory / 'played.wav'}",
            f"audio_alert aufile,{directory / 'alert.wav'}",
            "audio_path /nonexistent",
            *(
                f"{name}_{key} {value}"
                for name in ("ausrc", "auplay")
                for key, value in (("srate", 8000), ("channels", 1))
            ),
            f"snd_path {directory / 'heard'}",
            f"module_path {MODULES}",
            *(f"module {name}.so" for name in ("g711", "aufile", "sndfile", "uuid")),
            *(f"module_app {name}.so" for name in ("account", "menu", "ctrl_tcp")),
            f"ctrl_tcp_listen {host}:{control}",
        ]
        (directory / "config").write_text("\n".join(settings) + "\n")
        with (directory / "out").open("wb") as out:
            self._process = subprocess.Popen(
                ["baresip", "-f", str(directory)], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )
        try:
            self._control = self._connect((host, control))
        except BaseException:
            end_child(self._process, timeout_s=3.0)
            raise
        self.events: list[dict[str, Any]] = []
        self._data = b""

    def __enter__(self) -> "Telephone":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._control.close()
        end_child(self._process, timeout_s=3.0)

    def dial(self, number: str, edge: str) -> None:
        self._command("dial", f"sip:{number}@{edge}")

    def press(self, keys: str) -> None:
        """One key after the other, as RFC 4733 events."""
        for key in keys:
            self._command("sndcode", key)
            time.sleep(0.12)  # the length of a key press, not a wait for anything
            self._command("sndcode", "")  # the key is let go
            time.sleep(0.06)

    def hang_up(self) -> None:
        self._command("hangup", "")

    def await_event(self, kind: str, *, timeout_s: float = 20.0) -> None:
        def happened() -> bool:
            self._read()
            return any(event.get("type") == kind for event in self.events)

        await_true(happened, f"{kind}; there were {[event.get('type') for event in self.events]}", timeout_s=timeout_s)

    def heard(self) -> Samples:
        """What it has heard so far. The file's header is right only when the call is over, so it is skipped."""
        (file,) = (self.directory / "heard").glob("*-dec.wav")
        data = file.read_bytes()[WAV_HEADER:]
        return np.frombuffer(data[: len(data) & ~1], dtype="<i2").astype(np.int16)

    def _command(self, name: str, parameters: str) -> None:
        body = json.dumps({"command": name, "params": parameters}).encode()
        self._control.sendall(b"%d:%s," % (len(body), body))

    def _connect(self, address: tuple[str, int]) -> socket.socket:
        found: list[socket.socket] = []

        def connects() -> bool:
            with contextlib.suppress(OSError):
                found.append(socket.create_connection(address, timeout=1.0))
            return bool(found)

        await_true(connects, "baresip takes commands")
        found[0].setblocking(False)
        return found[0]

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._data += self._control.recv(65536)
        while b":" in self._data:
            length, _, rest = self._data.partition(b":")
            if len(rest) <= int(length):
                return
            self.events.append(json.loads(rest[: int(length)]))
            self._data = rest[int(length) + 1 :]
