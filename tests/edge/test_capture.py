"""Copies of the SIP messages for a capture server, and the call log: one call, seen from outside."""

import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.edge.parts import ANSWERS, HANGS_UP, calls, hangs_up, refused
from tests.edge.sipp import pause, receive, reply_in_dialog, send
from tests.edge.world import EDGE, GATEWAY, LONDON, TRUSTED, EdgeWorld, edge_world, wait_for

CAPTURE_ID = 77
SIP = 1  # HEP's protocol type
# HEP version 3: the chunks of the generic vendor (0) that we read, with how their content is packed
CHUNKS = {1: "!B", 2: "!B", 3: "4s", 4: "4s", 7: "!H", 8: "!H", 9: "!I", 10: "!I", 11: "!B", 12: "!I", 15: ""}
DIGIT = """INFO [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{ani}@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:{number}@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 INFO
Max-Forwards: 70
[routes]
Content-Type: application/dtmf-relay
Content-Length: [len]

Signal=7
Duration=160
"""


@dataclass(frozen=True, slots=True)
class Copy:
    """One captured message: where from and to, when (epoch seconds), by which node, and its text."""

    source: tuple[str, int]
    destination: tuple[str, int]
    at_s: float
    capture_id: int
    text: str

    @property
    def start(self) -> str:
        return " ".join(self.text.split("\r\n")[0].split()[:2])


def parse(packet: bytes) -> Copy:
    """A HEP version 3 packet over UDP on IPv4: magic, length, chunks of vendor, type, length, content."""
    magic, length = struct.unpack_from("!4sH", packet)
    assert (magic, length) == (b"HEP3", len(packet))
    found: dict[int, bytes] = {}
    place = 6
    while place < length:
        vendor, kind, size = struct.unpack_from("!HHH", packet, place)
        assert vendor == 0
        found[kind] = packet[place + 6 : place + size]
        place += size
    assert place == length
    values = {kind: struct.unpack(CHUNKS[kind], found[kind])[0] for kind in CHUNKS if CHUNKS[kind]}
    assert (values[1], values[2], values[11]) == (socket.AF_INET, socket.IPPROTO_UDP, SIP)
    return Copy(
        (socket.inet_ntoa(values[3]), values[7]),
        (socket.inet_ntoa(values[4]), values[8]),
        values[9] + values[10] / 1_000_000,
        values[12],
        found[15].decode(),
    )


class CaptureServer:
    """Listens, and keeps what it was sent."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((EDGE, 0))
        self.socket.setblocking(False)
        self.address = f"{EDGE}:{self.socket.getsockname()[1]}"
        self.copies: list[Copy] = []

    def of(self, call_id: str) -> list[Copy]:
        """All copies so far of messages with that Call-ID."""
        while True:
            try:
                self.copies.append(parse(self.socket.recv(65_536)))
            except BlockingIOError:
                return [copy for copy in self.copies if f"\r\nCall-ID: {call_id}\r\n" in copy.text]


@pytest.fixture(scope="module")
def server() -> Iterator[CaptureServer]:
    server = CaptureServer()
    yield server
    server.socket.close()


@pytest.fixture(scope="module")
def captured(server: CaptureServer) -> Iterator[EdgeWorld]:
    with edge_world(hep=server.address) as running:
        yield running


def test_a_capture_server_sees_the_call_but_no_key(captured: EdgeWorld, server: CaptureServer) -> None:
    """INVITE to BYE, as received and as sent, with addresses, times and node; no INFO, no probe, no HTTP."""
    card_id, ani = captured.new_card(1_000_000)
    gateway = captured.gateway([*ANSWERS, receive("INFO"), reply_in_dialog(), *HANGS_UP])
    key = send(DIGIT.format(ani=ani, number=LONDON))
    caller = captured.caller([*calls(ani), key, receive(200), pause(200), *hangs_up(ani, cseq=3)])
    captured.all_as_written(caller, gateway)
    captured.cdr(card_id)
    call_id = captured.events("answer")[-1]["callid"]
    wait_for(lambda: sum("CSeq: 3 BYE" in copy.text for copy in server.of(call_id)) == 4)
    copies = server.of(call_id)
    edge, phone, far = (EDGE, captured.sip_port), (TRUSTED, caller.port), (GATEWAY, captured.gateway_ports[0])
    assert {copy.start.split(":")[0] for copy in copies if copy.destination == edge} == {
        "INVITE sip", "SIP/2.0 180", "SIP/2.0 200", "ACK sip", "BYE sip",
    }  # fmt: skip
    ways = [(copy.start.split(":")[0], copy.source, copy.destination) for copy in copies]
    for wanted in (
        ("INVITE sip", phone, edge), ("SIP/2.0 100", edge, phone), ("INVITE sip", edge, far),
        ("SIP/2.0 180", edge, phone), ("SIP/2.0 200", edge, phone), ("ACK sip", phone, edge), ("BYE sip", phone, edge),
    ):  # fmt: skip
        assert wanted in ways
    assert all(copy.capture_id == CAPTURE_ID and abs(copy.at_s - time.time()) < 120 for copy in copies)
    everything = [copy.text for copy in server.copies]
    assert "Signal=7" in gateway.messages()
    assert not [text for text in everything if "INFO" in text or "Signal" in text or "OPTIONS" in text]
    assert all(text.startswith("SIP/2.0 ") or " SIP/2.0\r\n" in text for text in everything)


def test_the_call_log_tells_what_became_of_a_call(captured: EdgeWorld) -> None:
    """One that is refused before it is placed, too."""
    card_id, ani = captured.new_card(1_000_000)
    gateway = captured.gateway([*ANSWERS, *HANGS_UP])
    captured.all_as_written(captured.caller([*calls(ani), pause(200), *hangs_up(ani)]), gateway)
    steps = captured.steps(captured.cdr(card_id)["call_id"])
    assert [step["step"] for step in steps] == ["place", "try", "reply", "answered", "ended"]
    assert [step.get("status") for step in steps[2:4]] == [180, None]
    assert (steps[-1]["by"], steps[-1]["cause"]) == ("caller", 16)
    assert {(step["part"], step["node"]) for step in steps} == {("edge", "edge1")}
    _, poor = captured.new_card(0)
    captured.all_as_written(captured.caller(refused(poor, 402)))
    (step,) = [step for step in captured.all_steps() if step.get("ani") == poor]
    assert (step["step"], step["dnis"]) == ("refused", LONDON)
    assert step["outcome"] in {"NO_CREDIT", "CARD_EXHAUSTED"}
