"""What strangers send. Nothing may crash a worker, route a call, or be charged."""

import socket
import time

import pytest

from tests.edge import torture
from tests.edge.parts import refused
from tests.edge.world import EDGE, LONDON, STRANGER, TRUSTED, EdgeWorld


def exchange(
    world: EdgeWorld, data: bytes, *, address: str = TRUSTED, wait_s: float = 0.6, quick: bool = False
) -> list[bytes]:
    """Sends one datagram; what comes back in ``wait_s``, or only the first of it."""
    found: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((address, 0))
        udp.sendto(data.replace(b"{PORT}", str(udp.getsockname()[1]).encode()), (EDGE, world.sip_port))
        deadline = time.monotonic() + wait_s
        while (left := deadline - time.monotonic()) > 0:
            udp.settimeout(left)
            try:
                found.append(udp.recv(65_536))
                if quick:
                    break
            except TimeoutError:
                break
    return found


def options(world: EdgeWorld, address: str = TRUSTED, user_agent: str = "test", *, quick: bool = False) -> list[bytes]:
    text = (
        f"OPTIONS sip:{EDGE}:{world.sip_port} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {address}:{{PORT}};branch=z9hG4bK{time.time_ns()}\r\n"
        f"From: <sip:x@{address}>;tag=1\r\nTo: <sip:{EDGE}>\r\nCall-ID: {time.time_ns()}@x\r\nCSeq: 1 OPTIONS\r\n"
        f"Max-Forwards: 70\r\nUser-Agent: {user_agent}\r\nContent-Length: 0\r\n\r\n"
    )
    return exchange(world, text.encode(), address=address, quick=quick)


def request(
    method: str, world: EdgeWorld, *, extra: bytes = b"", body: bytes = b"", user: bytes = b"12125550001"
) -> bytes:
    name = method.encode()
    return (
        name
        + b" sip:"
        + LONDON.encode()
        + b"@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.10:{PORT};branch=z9hG4bK%d\r\n" % time.time_ns()
        + b"From: <sip:"
        + user
        + b"@127.0.0.10>;tag=1\r\nTo: <sip:"
        + LONDON.encode()
        + b"@127.0.0.1>\r\n"
        + b"Call-ID: %d@x\r\nCSeq: 1 " % time.time_ns()
        + name
        + b"\r\nMax-Forwards: 70\r\nContact: <sip:x@127.0.0.10:{PORT}>\r\n"
        + extra
        + b"Content-Length: %d\r\n\r\n" % len(body)
        + body
    )


@pytest.fixture(autouse=True)
def _unharmed(world: EdgeWorld) -> object:
    """After each story: the same processes as before, OPTIONS answered, no error of ours, no call placed."""
    pid, errors = world.kamailio.pid, world.metric("cardswitch_edge_errors_total")
    events = len(world.events())
    yield
    assert world.kamailio.poll() is None
    assert world.kamailio.pid == pid
    assert options(world, quick=True)[0].startswith(b"SIP/2.0 200")
    assert world.metric("cardswitch_edge_errors_total") == errors, world.log()[-3000:]
    assert len(world.events()) == events


def test_options_is_answered_without_saying_what_we_run(world: EdgeWorld) -> None:
    (answer,) = options(world)
    assert b"kamailio" not in answer.lower()


def test_a_scanner_gets_no_answer(world: EdgeWorld) -> None:
    assert options(world, STRANGER, "friendly-scanner") == []


def test_a_flood_from_a_stranger_is_cut_off(world: EdgeWorld) -> None:
    answered = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.77", 0))
        udp.setblocking(False)
        for _ in range(400):
            udp.sendto(request("OPTIONS", world), (EDGE, world.sip_port))
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            try:
                udp.recv(65_536)
                answered += 1
            except BlockingIOError:
                time.sleep(0.01)
    assert answered < 200


@pytest.mark.parametrize("method", ["REGISTER", "SUBSCRIBE", "MESSAGE", "PUBLISH", "NOTIFY", "REFER", "FOO"])
def test_methods_that_are_not_for_us_are_405(world: EdgeWorld, method: str) -> None:
    answers = exchange(world, request(method, world))
    assert answers[0].startswith(b"SIP/2.0 405")


def test_a_message_of_64_kilobytes_is_too_large(world: EdgeWorld) -> None:
    answers = exchange(world, request("INVITE", world, extra=b"X-Filler: " + b"x" * 63_000 + b"\r\n"))
    assert not answers or answers[-1].startswith(b"SIP/2.0 513")


def test_bytes_that_are_not_utf8_in_the_callerid_make_an_anonymous_call(world: EdgeWorld) -> None:
    answers = exchange(world, request("INVITE", world, user=b"\xff\xfe\x80"), wait_s=1.5)
    assert not [answer for answer in answers if answer.startswith(b"SIP/2.0 2")]


def test_bytes_that_are_not_utf8_in_the_number_are_refused(world: EdgeWorld) -> None:
    data = request("INVITE", world).replace(LONDON.encode(), b"44\xff\xfe", 1)
    answers = exchange(world, data)
    assert not [answer for answer in answers if answer.startswith(b"SIP/2.0 2")]


def test_sql_in_the_callerid_is_an_anonymous_caller(world: EdgeWorld) -> None:
    answers = exchange(world, request("INVITE", world, user=b"1'%20OR%20'1'='1"), wait_s=1.5)
    assert not [answer for answer in answers if answer.startswith(b"SIP/2.0 2")]


@pytest.mark.parametrize("name", torture.MESSAGES)
def test_torture(world: EdgeWorld, name: str) -> None:
    """RFC 4475: none crashes a worker or is routed to a gateway."""
    exchange(world, torture.MESSAGES[name], address=STRANGER, wait_s=0.1)
    exchange(world, torture.MESSAGES[name], wait_s=0.3)


def test_an_unknown_source_is_told_so(world: EdgeWorld) -> None:
    world.all_as_written(world.caller(refused("12125550001", 403), address=STRANGER))
