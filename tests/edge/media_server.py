"""A far end without a scenario: says 200 to all, or 486 to INVITEs, and notes those.

It stands for media servers (the real one has its own tests) and for gateways that are probed.
"""

import socket
import threading
from types import TracebackType

from tests.edge.sipp import SDP
from tests.edge.world import EDGE

_COPIED = ("Via", "From", "Call-ID", "CSeq", "Record-Route")


class MediaServer:
    """Serves while it is entered. ``invites`` are the headers of each INVITE, the last value of each name."""

    def __init__(self, port: int, address: str = EDGE, *, full: bool = False) -> None:
        self.port = port
        self.address = address
        self.full = full
        self.invites: list[dict[str, str]] = []

    def __enter__(self) -> "MediaServer":
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((self.address, self.port))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.sendto(b"", (self.address, self.port))
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, source = self._socket.recvfrom(65_536)
            if not data:
                return
            lines = data.decode(errors="replace").split("\r\n\r\n")[0].split("\r\n")
            method = lines[0].split(" ")[0]
            headers = [line.partition(": ")[::2] for line in lines[1:]]
            if method == "INVITE":
                self.invites.append(dict(headers))
            if method not in ("ACK", "SIP/2.0"):
                self._socket.sendto(self._reply(headers, invite=method == "INVITE"), source)

    def _reply(self, headers: list[tuple[str, str]], *, invite: bool) -> bytes:
        sdp = invite and not self.full
        lines = ["SIP/2.0 486 Busy Here" if invite and self.full else "SIP/2.0 200 OK"]
        lines += [*(f"{name}: {value}" for name, value in headers if name in _COPIED)]
        to = next(value for name, value in headers if name == "To")
        lines.append(f"To: {to}" if ";tag=" in to else f"To: {to};tag=ms{self.port}")
        lines.append(f"Contact: <sip:mediasrv@{self.address}:{self.port}>")
        body = _description(self.port) if sdp else ""
        if sdp:
            lines.append("Content-Type: application/sdp")
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()


def _description(port: int) -> str:
    text = SDP.replace("[local_ip_type] [local_ip]", f"4 {EDGE}").replace("[media_ip_type] [media_ip]", f"4 {EDGE}")
    return text.replace("[media_port]", str(port)).replace("\n", "\r\n")
