"""Callers whose telephones were made by others: baresip, SIPp; and what they hear, recognised by its sound.

pyVoIP, the third one, is the demo's softphone (``console/demo/phone.py``).
"""

import contextlib
import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from console.demo.audio import FRAME, RATE, Ear, Match, Recording, Samples, read_wav, write_wav
from console.demo.farend import FarEnd
from console.demo.listener import LIKE, Listener
from console.stack.gateway import MODULES
from console.stack.ports import free_block
from console.stack.process import end_child
from mediasrv.prompts.wav import tone
from mediasrv.rtp import bpf
from mediasrv.rtp.codec import Law
from tests.edge.sipp import CALLER as SIPP_PARTY
from tests.edge.sipp import DIALOG, Sipp, Step, ack, invite, pause, receive, reply_in_dialog, request, send
from tests.support.stack import PROMPT_CACHE, await_true

SILENCE_S = 300  # baresip ends the call when its source file ends
ROWS_HZ, COLUMNS_HZ = (697, 770, 852, 941), (1209, 1336, 1477)
KEYS = "123456789*0#"
ETH_P_IP, BPF_LDH, IP_AND_UDP_BYTES = 0x0800, 0x28, 28


class Few(Listener):
    """Knows some prompts only ("en/pin_ask"): looking for all of them takes longer than callers are waited for."""

    def __init__(self, cache: Path, *names: str) -> None:
        super().__init__(cache, "en")
        self._patterns = tuple(f"{name}.*.wav" for name in names)


def heard_prompt(heard: Callable[[], Samples], name: str, *, since_s: float = 0.0) -> Match:
    """Waits until the whole of a prompt is in what was heard from ``since_s`` on."""
    best = Match(name, 0.0, 0.0, 0.0)

    def is_heard() -> bool:
        nonlocal best
        recording = Recording(heard()[int(since_s * RATE) :])
        sounds = [read_wav(file) for file in PROMPT_CACHE.glob(f"{name}.*.wav")]  # numbers are rendered when needed
        best = max((recording.find(sound) for sound in sounds), key=lambda match: match.likeness, default=best)
        return best.likeness >= LIKE

    try:
        await_true(is_heard, name, timeout_s=20)
    except AssertionError:
        raise AssertionError(f"{name} was not heard: the best likeness was {best.likeness:.2f}") from None
    return Match(name, best.at_s + since_s, best.likeness, best.length_s)


def recorded(file: Path) -> Samples:
    """What baresip has recorded so far; it writes the WAV header at the end."""
    data = file.read_bytes()[44:]
    return np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.int16)


class Baresip(FarEnd):
    """baresip as a caller: keys are RFC 4733 events, what is heard is in its own recording."""

    def __init__(self, host: str, edge: str, ani: str, directory: Path) -> None:
        self.directory, self._edge = directory, edge
        self.dialled_at = 0.0
        port = free_block(host, 4)
        directory.mkdir()
        write_wav(directory / "silence.wav", np.zeros(SILENCE_S * RATE, dtype=np.int16))
        account = f'<sip:{ani}@{host}:{port}>;regint=0;outbound="sip:{edge}";audio_codecs=PCMU/8000/1'
        (directory / "accounts").write_text(account + "\n")
        (directory / "contacts").write_text("")
        (directory / "config").write_text(_config(host, port, directory))
        with (directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["baresip", "-f", str(directory)], stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )
        control = (host, port + 2)
        try:
            await_true(lambda: _answers(control), "baresip takes commands")
            super().__init__(control, directory, tell=lambda _: None)
        except BaseException:
            end_child(self._process, timeout_s=2.0)
            raise

    def dial(self, number: str) -> None:
        """Returns when the call is answered."""
        self.dialled_at = time.time()
        before = len(self.recordings())
        self.command("dial", f"sip:{number}@{self._edge}")
        assert self.await_event("CALL_ESTABLISHED", self.dialled_at), "the call is not answered"
        await_true(lambda: len(self.recordings()) > before, "baresip records")

    def press(self, keys: str) -> None:
        for key in keys:
            self.command("sndcode", key)
            time.sleep(0.1)  # how long a finger rests on a key
            self.command("sndcode", "\x04")  # baresip's name for letting it go
            time.sleep(0.06)

    def heard(self) -> Samples:
        """Of this call, up to now."""
        return recorded(self.recordings()[-1])

    def hears(self, name: str, *, since_s: float = 0.0) -> Match:
        return heard_prompt(self.heard, name, since_s=since_s)

    def hang_up(self) -> None:
        self.command("hangup")
        assert self.await_event("CALL_CLOSED", self.dialled_at), "the call does not end"

    def command(self, name: str, params: str = "") -> None:
        text = json.dumps({"command": name, "params": params, "token": "t"})
        self._socket.sendall(f"{len(text)}:{text},".encode())

    def close(self) -> None:
        super().close()
        end_child(self._process, timeout_s=5.0)


def _answers(control: tuple[str, int]) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(control, timeout=1.0):
        return True
    return False


def _config(host: str, port: int, directory: Path) -> str:
    settings = [
        "poll_method epoll",
        f"sip_listen {host}:{port}",
        f"net_interface {host}",
        f"audio_source aufile,{directory / 'silence.wav'}",
        f"audio_player aufile,{directory / 'played.wav'}",
        f"audio_alert aufile,{directory / 'alert.wav'}",
        "audio_path /nonexistent",
        "ausrc_srate 8000",
        "auplay_srate 8000",
        "ausrc_channels 1",
        "auplay_channels 1",
        "jitter_buffer_type fixed",
        "jitter_buffer_delay 1-5",
        f"snd_path {directory}",
        f"module_path {MODULES}",
        *(f"module {name}.so" for name in ("g711", "aufile", "sndfile", "uuid")),
        *(f"module_app {name}.so" for name in ("account", "menu", "ctrl_tcp")),
        f"ctrl_tcp_listen {host}:{port + 2}",
    ]
    return "\n".join(settings) + "\n"


class Wire:
    """What a telephone hears that keeps nothing of it (SIPp), read from the loopback interface: µ-law to a UDP port."""

    def __init__(self, port: int) -> None:
        self._ear = Ear(time.monotonic())
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)  # hears nothing until it is bound
        bpf.attach(self._socket, _udp_to(port))
        self._socket.bind(("lo", ETH_P_IP))
        self._socket.settimeout(0.5)
        self._open = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def heard(self) -> Samples:
        return self._ear.samples()

    def close(self) -> None:
        self._open = False
        self._thread.join(5)
        self._socket.close()

    def _run(self) -> None:
        while self._open:
            with contextlib.suppress(TimeoutError):
                _hear(self._ear, self._socket.recv(2048)[IP_AND_UDP_BYTES:])


def _udp_to(port: int) -> bpf.Program:
    """A filter for datagrams of IPv4 without options."""
    return bpf.Program(
        bpf.Instruction(bpf.LDB, 9),
        bpf.Instruction(bpf.JEQ, socket.IPPROTO_UDP, if_false=3),
        bpf.Instruction(BPF_LDH, 22),
        bpf.Instruction(bpf.JEQ, port, if_false=1),
        bpf.Instruction(bpf.RET, bpf.ACCEPT),
        bpf.Instruction(bpf.RET, bpf.DROP),
    )


def _hear(ear: Ear, packet: bytes) -> bool:
    """Takes an RTP packet of 20 ms of µ-law; False when it is none."""
    if len(packet) != 12 + FRAME or packet[1] & 0x7F != Law.PCMU.value:
        return False
    ssrc, timestamp = (int.from_bytes(packet[at : at + 4], "big") for at in (8, 4))
    ear.hear(time.monotonic(), ssrc, timestamp, np.frombuffer(Law.PCMU.decode(packet[12:]), dtype=np.int16))
    return True


class Handset:
    """The audio of a telephone whose signalling is SIPp's: hears, and sends silence where that came from."""

    def __init__(self, host: str) -> None:
        self.port = free_block(host, 2)
        self._ear = Ear(time.monotonic())
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, self.port))
        self._socket.settimeout(1.0)
        self._open = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def heard(self) -> Samples:
        return self._ear.samples()

    def close(self) -> None:
        self._open = False
        self._thread.join(5)
        self._socket.close()

    def _run(self) -> None:
        count = 0
        while self._open:
            try:
                packet, source = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            if _hear(self._ear, packet):
                head = bytes((0x80, 0)) + (count & 0xFFFF).to_bytes(2, "big") + (count * FRAME).to_bytes(4, "big")
                self._socket.sendto(head + b"\0\0\0\x07" + Law.PCMU.silence * FRAME, source)
                count += 1


@dataclass(frozen=True, slots=True)
class SippCall:
    """A call of SIPp's, as its scenario is written."""

    number: str
    ani: str

    def answered(self) -> list[Step]:
        """Up to the ACK."""
        ringing = [receive(100, optional=True), receive(180, optional=True), receive(183, optional=True)]
        return [invite(self.number, self.ani), *ringing, receive(200, rrs=True), ack(self.number, self.ani)]

    def keys_by_info(self, keys: str, first_cseq: int) -> list[Step]:
        """One INFO (application/dtmf-relay) a key."""
        return [step for place, key in enumerate(keys) for step in (self._info(key, first_cseq + place), receive(200))]

    def connected(self, talk_ms: int) -> list[Step]:
        """The re-INVITE that brings the far end's session, some talk."""
        return [receive("INVITE", timeout_ms=20_000), reply_in_dialog(sdp=True), receive("ACK"), pause(talk_ms)]

    def hang_up(self, cseq: int) -> list[Step]:
        return [request("BYE", self.number, self.ani, cseq=cseq), receive(200)]

    def _info(self, key: str, cseq: int) -> Step:
        to = f"<sip:{self.number}@[remote_ip]>[peer_tag_param]"
        headers = DIALOG.format(from_=SIPP_PARTY.format(user=self.ani), to=to, cseq=f"{cseq} INFO") + "[routes]"
        body = f"Content-Type: application/dtmf-relay\nContent-Length: [len]\n\nSignal={key}\nDuration=160\n"
        return send(f"INFO [next_url] SIP/2.0\n{headers}\n{body}")


def in_band_only(steps: list[Step]) -> list[Step]:
    """The same steps of a telephone that offers no telephone-event."""
    return [Step(re.sub(r"a=rtpmap:101.*\n", "", step.xml.replace("RTP/AVP 0 101", "RTP/AVP 0"))) for step in steps]


def heard_at(steps: list[Step], port: int) -> list[Step]:
    """The same steps with the audio at another port than SIPp's own."""
    return [Step(step.xml.replace("[media_port]", str(port))) for step in steps]


def speak(file: Path) -> Step:
    """SIPp sends a file of µ-law, once."""
    return Step(f'<nop><action><exec rtp_stream="{file},1,0"/></action></nop>')


def write_tones(file: Path, keys: str, *, then: Samples) -> None:
    """A second of silence, keys as tones (80 ms and 60 ms of pause each), and a second later ``then``: as µ-law."""
    second = np.zeros(RATE, dtype=np.int16)
    tones = [_tone(key) for key in keys]
    file.write_bytes(Law.PCMU.encode(np.concatenate([second, *tones, second, then]).astype(np.int16).tobytes()))


def _tone(key: str) -> Samples:
    place = KEYS.index(key)
    return tone((ROWS_HZ[place // 3], COLUMNS_HZ[place % 3]), on_s=0.08, off_s=0.06)


def run_sipp(steps: list[Step], host: str, edge: str, directory: Path, *, media_port: int = 0) -> Sipp:
    """Started; ``wait`` gives its exit status. Nothing is traced: the keys may be a PIN."""
    options = ["-mi", host, "-mp", str(media_port or free_block(host, 4))]
    port = free_block(host, 2)
    caller = Sipp("caller", steps, host, directory, remote=edge, timeout_s=60, extra=options, port=port, trace=False)
    return caller.start()
