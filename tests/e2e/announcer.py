"""A gateway that says something before it refuses a call: early media, then 486."""

import contextlib
import re
import socket
import threading
import time

from console.demo.audio import FRAME, Samples
from mediasrv.rtp.codec import Law

KEPT = re.compile(r"(?im)^(?:via|from|call-id|cseq|record-route) *:.*\r\n")
TO = re.compile(r"(?im)^to *:.*(?=\r\n)")


class Announcer:
    """Serves every call, and OPTIONS, until it is closed. ``acknowledged`` counts the ACKs of its refusals."""

    def __init__(self, host: str, port: int, speech: Samples) -> None:
        self.uri = f"sip:{host}:{port}"
        self.acknowledged = 0
        self._host, self._sound = host, Law.PCMU.encode(speech.tobytes())
        self._calls: set[str] = set()
        self._sip, self._rtp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self._sip.bind((host, port))
        self._rtp.bind((host, 0))
        self._sip.settimeout(0.5)
        self._open = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._open = False
        self._thread.join(5)
        self._sip.close()
        self._rtp.close()

    def _run(self) -> None:
        while self._open:
            with contextlib.suppress(TimeoutError):
                data, source = self._sip.recvfrom(65535)
                self._take(data.decode(), source)

    def _take(self, text: str, source: tuple[str, int]) -> None:
        method = text.partition(" ")[0]
        if method == "ACK":
            self.acknowledged += 1
        elif method != "INVITE":
            self._answer(text, source, "200 OK")
        elif (call := re.findall(r"(?im)^call-id *: *(.*)\r", text)[0]) not in self._calls:
            self._calls.add(call)
            threading.Thread(target=self._serve, args=(text, source), daemon=True).start()

    def _serve(self, invite: str, source: tuple[str, int]) -> None:
        session = (
            f"v=0\r\no=- 1 1 IN IP4 {self._host}\r\ns=-\r\nc=IN IP4 {self._host}\r\nt=0 0\r\n"
            f"m=audio {self._rtp.getsockname()[1]} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        )
        self._answer(invite, source, "183 Session Progress", session)
        host = re.findall(r"(?m)^c=IN IP4 (\S+)", invite)[0]
        port = int(re.findall(r"(?m)^m=audio (\d+)", invite)[0])
        began_s = time.monotonic()
        for n in range(len(self._sound) // FRAME):
            head = bytes((0x80, 0)) + n.to_bytes(2, "big") + (n * FRAME).to_bytes(4, "big") + b"\0\0\0\x09"
            self._rtp.sendto(head + self._sound[n * FRAME : n * FRAME + FRAME], (host, port))
            time.sleep(max(0.0, began_s + (n + 1) * 0.02 - time.monotonic()))
        self._answer(invite, source, "486 Busy Here")

    def _answer(self, request: str, source: tuple[str, int], status: str, session: str = "") -> None:
        head = "".join(KEPT.findall(request)) + f"{TO.findall(request)[0]};tag=announcer\r\n"
        if session:
            head += f"Contact: <{self.uri}>\r\nContent-Type: application/sdp\r\n"
        text = f"SIP/2.0 {status}\r\n{head}Content-Length: {len(session)}\r\n\r\n{session}"
        self._sip.sendto(text.encode(), source)
