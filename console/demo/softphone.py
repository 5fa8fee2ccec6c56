"""The demo's softphone: pyVoIP in a process of its own, an implementation of SIP that shares nothing with ours.

``python -m console.demo.softphone --bind 127.0.0.10:5062 --server 127.0.0.1:5060`` reads one JSON command a line:

    {"do": "call", "from": "12025550123", "to": "442071838750", "wav": "heard.wav", "say": "speech.wav"}
    {"do": "digits", "digits": "1234#"}    {"do": "listen", "from_s": 4.5, "wav": "lately.wav"}
    {"do": "hangup"}    {"do": "quit"}

and writes one JSON event a line: ``ready``, ``sip`` (every message, one line of it), ``answered``, ``refused``
(status), ``sent`` (the digits are out), ``listened`` (what was heard is in the file), ``ended``.

pyVoIP 1.6.8 needs help, all of it below: it insists on REGISTER; its ACK and BYE have no Route, and the ACK a wrong
tag; it waits for ever on a final answer that comes first; a re-INVITE starts a second sender; it cannot send digits.
Digits are never written out: they may be a PIN.
"""

import argparse
import audioop
import contextlib
import itertools
import json
import re
import secrets
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pyVoIP.VoIP import CallState, VoIPCall, VoIPPhone

# isort: split
# pyVoIP's modules import each other: this works in this order only.
from pyVoIP import RTP, SIP

from console.demo.audio import FRAME, RATE, Ear, read_wav, write_wav

DIGITS = "0123456789*#ABCD"
DIGIT_MS = 80
PAUSE_MS = 60
PACKET_S = 0.02
SILENCE = b"\xff" * FRAME

_output = threading.Lock()


def emit(event: str, **fields: object) -> None:
    """Writes an event for the demo."""
    with _output:
        print(json.dumps({"event": event, "at": time.time(), **fields}), flush=True)


class Media(RTP.RTPClient):
    """RTP of one call: a sender with absolute deadlines, which puts digits in the place of audio, and an ear."""

    def __init__(self, *arguments: Any, ear: Ear, say: Path | None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.ear = ear
        self.ssrc = secrets.randbits(32)
        self.audio = _speech(say) if say else itertools.repeat(SILENCE)
        self.queue: deque[tuple[bytes, int, bool]] = deque()  # payload, timestamp's advance before it, marker
        self.wake = threading.Event()

    def recv(self) -> None:
        """Hears packets until the call ends. The socket blocks with a time-out: no busy waiting."""
        self.sin.settimeout(0.2)
        while self.NSD:
            with contextlib.suppress(TimeoutError, OSError, RTP.RTPParseError, ValueError, IndexError, KeyError):
                message = RTP.RTPMessage(self.sin.recv(8192), self.assoc)
                if message.payload_type == RTP.PayloadType.PCMU:
                    samples = np.frombuffer(audioop.ulaw2lin(message.payload, 2), dtype="<i2").astype(np.int16)
                    self.ear.hear(time.monotonic(), message.SSRC, message.timestamp, samples)

    def send_digits(self, digits: str) -> None:
        """Queues RFC 4733 events: each DIGIT_MS long, its end sent three times (section 2.5.1.4)."""
        packets = DIGIT_MS // 20
        for digit in digits:
            event = DIGITS.index(digit)
            for number in range(1, packets + 1):
                self.queue.append((_event(event, number * FRAME, end=False), FRAME if number == 1 else 0, number == 1))
            for _ in range(3):
                self.queue.append((_event(event, packets * FRAME, end=True), 0, False))
            # The clock went on while the event's packets kept its first timestamp.
            self.queue.extend((b"", (packets + 3) * FRAME if n == 0 else FRAME, False) for n in range(PAUSE_MS // 20))

    def trans(self) -> None:
        """Sends a packet every 20 ms until the call ends."""
        sequence, timestamp = secrets.randbits(15), secrets.randbits(31)
        due = time.monotonic()
        while self.NSD:
            event, advance, marker = self.queue.popleft() if self.queue else (b"", FRAME, False)
            timestamp = (timestamp + advance) & 0xFFFFFFFF
            payload, kind = (event, 101) if event else (next(self.audio), 0)
            head = bytes((0x80, kind | (0x80 if marker else 0))) + (sequence & 0xFFFF).to_bytes(2, "big")
            with contextlib.suppress(OSError):
                packet = head + timestamp.to_bytes(4, "big") + self.ssrc.to_bytes(4, "big") + payload
                self.sout.sendto(packet, (self.outIP, self.outPort))
            sequence += 1
            due += PACKET_S
            time.sleep(max(0.0, due - time.monotonic()))


def _event(event: int, duration: int, *, end: bool) -> bytes:
    return bytes((event, 0x8A if end else 0x0A)) + duration.to_bytes(2, "big")


def _speech(file: Path) -> Iterator[bytes]:
    encoded = audioop.lin2ulaw(read_wav(file).astype("<i2").tobytes() + b"\0\0" * (RATE // 2), 2)
    frames = [encoded[start : start + FRAME] for start in range(0, len(encoded) - FRAME + 1, FRAME)]
    return itertools.cycle(frames)


class Signalling(SIP.SIPClient):
    """pyVoIP's SIP with the repairs named above."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.phone: Any
        self.routes: dict[str, list[str]] = {}
        self.targets: dict[str, str] = {}
        self.branches: dict[str, str] = {}

    def register(self) -> bool:
        """A trunk is known by its address: there is nothing to register."""
        return True

    def invite(self, number: str, ms: Any, sendtype: Any) -> tuple[Any, str, int]:
        """Sends the INVITE; its answers come to ``parse_message`` as everything else does."""
        call_id, branch, session = secrets.token_hex(12), "z9hG4bK" + secrets.token_hex(10), self.sessID.next()
        text = self.gen_invite(number, str(session), ms, sendtype, branch, call_id)
        self.branches[call_id] = branch
        self.send(text)
        return SIP.SIPMessage(text.encode()), call_id, session

    def send(self, text: str) -> None:
        """Sends a message to the server, and tells of it."""
        emit("sip", sent=True, line=text.partition("\r\n")[0])
        self.out.sendto(text.encode(), (self.server, self.port))

    def start(self) -> None:
        """Listens at once (pyVoIP waits a second)."""
        self.NSD = True
        self.s = self.out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind((self.myIP, self.myPort))
        threading.Thread(target=self.recv_loop, daemon=True).start()

    def recv_loop(self) -> None:
        """Reads until the end. What cannot be read is told of, and does not end the phone."""
        while self.NSD:
            try:
                self.receive(self.s.recv(65535))
            except OSError:
                return
            except Exception as error:  # pyVoIP's parser raises whatever comes
                emit("unreadable", reason=repr(error))

    def receive(self, raw: bytes) -> None:
        """Tells of every message before pyVoIP reads it."""
        message = SIP.SIPMessage(raw)
        reason = re.search(rb"(?im)^Reason: *([^\r\n]+)", raw)
        emit("sip", sent=False, line=raw.partition(b"\r\n")[0].decode(), reason=reason[1].decode() if reason else "")
        self.parse_message(message)

    def parse_message(self, message: Any) -> None:
        """Final answers other than 200 end the call; the rest is pyVoIP's."""
        if message.type == SIP.SIPMessageType.RESPONSE and message.headers["CSeq"]["method"] == "INVITE":
            status = int(message.raw.split(b" ")[1])
            if status >= 300:
                self.send(self.gen_ack(message))
                self.phone.refused(message.headers["Call-ID"], status)
                return
            if status >= 200:
                self.learn(message)
        elif message.type == SIP.SIPMessageType.RESPONSE:
            return  # of our BYE
        super().parse_message(message)

    def learn(self, message: Any) -> None:
        """Notes the dialog's route set and remote target (RFC 3261, section 12.1.2)."""
        call_id = message.headers["Call-ID"]
        routes = re.findall(rb"(?im)^Record-Route: *([^\r\n]+)", message.raw)
        each = [route.strip() for line in routes for route in line.decode().split(",")]
        self.routes[call_id] = each[::-1]
        contact = re.search(rb"(?im)^Contact: *<?([^>\r\n]+)", message.raw)
        self.targets[call_id] = contact[1].decode() if contact else ""

    def gen_ack(self, request: Any) -> str:
        """ACK of a 2xx goes along the route set, of a failure along the INVITE's way (sections 13.2.2.4, 17.1.1.3)."""
        call_id = request.headers["Call-ID"]
        if int(request.raw.split(b" ")[1]) < 300:
            return self.in_dialog("ACK", request, int(request.headers["CSeq"]["check"]))
        return self.in_dialog("ACK", request, int(request.headers["CSeq"]["check"]), branch=self.branches[call_id])

    def gen_bye(self, request: Any) -> str:
        """BYE within the dialog."""
        return self.in_dialog("BYE", request, int(request.headers["CSeq"]["check"]) + 1)

    def in_dialog(self, method: str, source: Any, cseq: int, *, branch: str = "") -> str:
        """A request of ours in the dialog of ``source`` (our INVITE with the far tag, or an answer to it)."""
        headers = source.headers
        call_id = headers["Call-ID"]
        to = headers["To"]
        target = self.targets.get(call_id) if not branch else f"sip:{to['address']}"
        lines = [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.myIP}:{self.myPort};branch={branch or 'z9hG4bK' + secrets.token_hex(10)}",
            *(f"Route: {route}" for route in ([] if branch else self.routes.get(call_id, []))),
            "Max-Forwards: 70",
            f"From: {headers['From']['raw']};tag={headers['From']['tag']}",
            f"To: {to['raw']}" + (f";tag={to['tag']}" if to["tag"] else ""),
            f"Call-ID: {call_id}",
            f"CSeq: {cseq} {method}",
            "Content-Length: 0",
        ]
        return "\r\n".join(lines) + "\r\n\r\n"


class Call(VoIPCall):
    """A call of the softphone."""

    ear: Ear
    wav: Path
    say: Path | None = None
    over = False
    media: Media
    sip: Signalling

    def create_rtp_clients(self, codecs: Any, ip: str, port: int, request: Any, baseport: int) -> None:
        """One RTP client, whatever number of c= lines there are."""
        address = request.body["c"][-1]["address"]
        self.media = Media(codecs, ip, port, address, baseport, self.sendmode, ear=self.ear, say=self.say)
        self.RTPClients = [self.media]

    def answered(self, request: Any) -> None:
        """The far end answered."""
        first = self.state == CallState.DIALING
        super().answered(request)
        if first:
            emit("answered", call=self.call_id)

    def renegotiate(self, request: Any) -> None:
        """A re-INVITE moves where we send to; the same socket and sender go on."""
        media = self.media
        body = request.body
        if body.get("m"):
            media.outIP, media.outPort = body["c"][-1]["address"], body["m"][0]["port"]
        answer = self.sip.gen_answer(request, self.session_id, {media.inPort: media.assoc}, self.sendmode)
        self.sip.send(answer)

    def bye(self) -> None:
        """The far end hung up."""
        super().bye()
        self.finish(by="far end")

    def finish(self, **how: object) -> None:
        """Writes down what was heard; once."""
        if not self.over:
            self.over = True
            write_wav(self.wav, self.ear.samples())
            emit("ended", **how)


class Softphone(VoIPPhone):
    """One line of the softphone, one call at a time."""

    def __init__(self, bind: tuple[str, int], server: tuple[str, int]) -> None:
        low = bind[1] + 2
        super().__init__(*server, "anonymous", "", myIP=bind[0], sipPort=bind[1], rtpPortLow=low, rtpPortHigh=low + 40)
        self.sip: Signalling = Signalling(
            *server, "anonymous", "", phone=self, myIP=bind[0], myPort=bind[1], callCallback=self.callback
        )
        self.current: Call | None = None

    def dial(self, number: str, *, ani: str, wav: Path, say: Path | None) -> None:
        """Dials ``number`` as ``ani``."""
        self.sip.username = ani
        medias: Any = {self.request_port(): {0: RTP.PayloadType.PCMU, 101: RTP.PayloadType.EVENT}}
        request, call_id, session = self.sip.invite(number, medias, RTP.TransmitType.SENDRECV)
        call = Call(self, CallState.DIALING, request, session, self.myIP, ms=medias, sendmode=self.sendmode)
        call.ear, call.wav, call.say = Ear(time.monotonic()), wav, say
        self.current = self.calls[call_id] = call

    def refused(self, call_id: str, status: int) -> None:
        """The INVITE was answered with a failure."""
        call = self.calls.pop(call_id, None)
        if isinstance(call, Call):
            call.state = CallState.ENDED
            emit("refused", status=status)
            call.finish(by="refused")

    def do(self, command: dict[str, Any]) -> None:
        """Carries out one command of the demo."""
        match command["do"]:
            case "call":
                say = Path(command["say"]) if command.get("say") else None
                self.dial(command["to"], ani=command["from"], wav=Path(command["wav"]), say=say)
            case "digits" if self.current is not None and self.current.RTPClients:
                media = self.current.media
                media.send_digits(command["digits"])
                while media.queue and media.NSD:
                    time.sleep(0.01)
                emit("sent", count=len(command["digits"]))
            case "listen":
                heard = self.current.ear.samples(command["from_s"]) if self.current is not None else None
                if heard is not None:
                    write_wav(Path(command["wav"]), heard)
                emit("listened", samples=0 if heard is None else len(heard))
            case "hangup" if self.current is not None and self.current.state == CallState.ANSWERED:
                self.current.hangup()
                self.current.finish(by="caller")


def _pair(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def main() -> None:
    """Runs the softphone until ``quit`` or the end of its input."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--bind", type=_pair, required=True)
    parser.add_argument("--server", type=_pair, required=True)
    options = parser.parse_args()
    phone = Softphone(options.bind, options.server)
    phone.start()
    emit("ready")
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "quit":
            break
        phone.do(command)
    if phone.current is not None and not phone.current.over:
        phone.do({"do": "hangup"})
    with contextlib.suppress(OSError):
        phone.sip.s.shutdown(socket.SHUT_RDWR)
    phone.stop()


if __name__ == "__main__":
    main()
