"""Two user agents against each other: calls, offers, and every moment at which a caller can change his mind."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast

import pytest
from sip_far_end import LOCAL, SOON_S, FarEnd, session, soon

from mediasrv.sip.incoming import IncomingLeg
from mediasrv.sip.leg import LegGoneError, OfferRefusedError, Refusal
from mediasrv.sip.outgoing import OutgoingLeg
from mediasrv.sip.state import Life, Session


@dataclass
class Pair:
    caller: FarEnd
    callee: FarEnd

    async def call(self) -> tuple[OutgoingLeg, IncomingLeg]:
        """A call that has been offered and not been answered."""
        out = self.caller.call(self.callee.port, session(4000))
        return out, await self.callee.next_call()

    async def talk(self) -> tuple[OutgoingLeg, IncomingLeg]:
        out, come = await self.call()
        come.answer(session(5000))
        assert await asyncio.wait_for(out.answered, SOON_S)
        await soon(lambda: come.machine.life is Life.UP)
        return out, come


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    pair = Pair(FarEnd(answer=session(4000)), FarEnd(answer=session(5000)))
    yield pair
    assert (pair.caller.agent.legs, pair.callee.agent.legs) == (0, 0)  # no leg is ever left behind
    pair.caller.agent.close()
    pair.callee.agent.close()


async def ended(*legs: OutgoingLeg | IncomingLeg) -> None:
    await asyncio.wait_for(asyncio.gather(*(leg.gone for leg in legs)), SOON_S)


@pytest.mark.parametrize("by_caller", [True, False])
async def test_either_side_hangs_up_and_says_why(pair: Pair, by_caller: bool) -> None:
    out, come = await pair.talk()
    assert (out.remote_sdp, come.remote_sdp) == (session(5000), session(4000))
    ender, other = (out, come) if by_caller else (come, out)
    await ender.bye("Q.850;cause=102")
    await ended(out, come)
    assert (other.gone.result().remote, other.gone.result().cause) == (True, 102)
    assert not ender.gone.result().remote


async def test_a_refusal_carries_status_and_cause(pair: Pair) -> None:
    out, come = await pair.call()
    come.refuse(486, [("Reason", 'Q.850 ; cause=17 ; text="User busy"')])
    assert not await asyncio.wait_for(out.answered, SOON_S)
    assert (out.gone.result().status, out.gone.result().cause) == (486, 17)


@pytest.mark.parametrize("rings", [False, True])
async def test_a_call_is_cancelled(pair: Pair, rings: bool) -> None:
    out, come = await pair.call()
    if rings:
        come.ring()
    await out.end("Q.850;cause=16")
    await ended(out, come)
    assert out.gone.result().status == 487
    assert come.gone.result().remote
    with pytest.raises(LegGoneError):
        come.answer(session(5000))


async def test_a_call_is_cancelled_before_any_response(pair: Pair) -> None:
    out = pair.caller.call(pair.callee.port, session(4000))
    await out.end()  # the INVITE is out, nothing has come back: the CANCEL waits for the 100
    come = await pair.callee.next_call()
    await ended(out, come)
    assert out.gone.result().status == 487


async def test_a_cancel_that_crosses_the_answer_ends_the_call_by_bye(pair: Pair) -> None:
    out, come = await pair.call()
    await asyncio.sleep(0.05)  # so that the 100 has come and the CANCEL leaves at once
    come.answer(session(5000))
    await out.end()
    await ended(out, come)
    assert out.gone.result().status == 200
    assert come.gone.result().remote
    assert not out.answered.result()


async def test_a_cancel_of_an_answered_call_does_nothing_more_than_bye(pair: Pair) -> None:
    out, come = await pair.talk()
    await asyncio.gather(out.end(), come.end())
    await ended(out, come)


@pytest.mark.parametrize("by_caller", [True, False])
async def test_a_new_offer_is_answered(pair: Pair, by_caller: bool) -> None:
    out, come = await pair.talk()
    offering, answering = (out, come) if by_caller else (come, out)
    answer = await offering.offer(session(6000, version=2))
    assert answer == answering.local_sdp
    assert answering.remote_sdp == session(6000, version=2) == offering.local_sdp
    await out.end()
    await ended(come)


async def test_a_refused_offer_leaves_the_session_as_it_was(pair: Pair) -> None:
    out, come = await pair.talk()
    pair.callee.answer = Refusal(488)
    with pytest.raises(OfferRefusedError) as refused:
        await out.offer(session(6000, version=2))
    assert refused.value.status == 488
    assert (out.local_sdp, come.remote_sdp) == (session(4000), session(4000))
    assert out.machine.session is come.machine.session is Session.STABLE
    await out.end()
    await ended(come)


async def test_offers_that_cross_are_both_answered_in_the_end(pair: Pair) -> None:
    out, come = await pair.talk()
    one, two = session(6000, version=2), session(7000, version=2)
    await asyncio.gather(out.offer(one), come.offer(two))
    assert pair.caller.offers == [two]
    assert pair.callee.offers == [one]
    await out.end()
    await ended(come)


async def test_a_hang_up_ends_an_offer_that_waits(pair: Pair) -> None:
    out, come = await pair.talk()

    async def never(offer: str) -> str:
        await come.bye()
        return session(5000)

    pair.callee.offered = never  # type: ignore[method-assign]
    with pytest.raises(LegGoneError):
        await out.offer(session(6000, version=2))
    await ended(out, come)


async def test_calls_are_refused_as_the_user_says(pair: Pair) -> None:
    for status in (486, 503):
        pair.callee.status = status
        out = pair.caller.call(pair.callee.port, session(4000))
        await ended(out)
        assert out.gone.result().status == status


@pytest.mark.parametrize(
    ("header", "status"),
    [(("Require", "100rel"), 420), (("Session-Expires", "30"), 422), (("Require", "timer"), 0)],
)
async def test_what_an_invite_requires(pair: Pair, header: tuple[str, str], status: int) -> None:
    out = pair.caller.call(pair.callee.port, session(4000), [header])
    if status:
        await ended(out)
        assert out.gone.result().status == status
        return
    (await pair.callee.next_call()).answer(session(5000))
    assert await asyncio.wait_for(out.answered, SOON_S)
    await out.end()
    await soon(lambda: not pair.callee.agent.legs)


async def test_a_session_timer_is_agreed_and_refreshed_by_update(pair: Pair) -> None:
    out = pair.caller.call(pair.callee.port, session(4000), [("Session-Expires", "1800;refresher=uac")])
    come = await pair.callee.next_call()
    come.answer(session(5000))
    assert await asyncio.wait_for(out.answered, SOON_S)
    assert ("Session-Expires", "1800;refresher=uac") in out._timer.request_headers()
    assert ("Session-Expires", "1800;refresher=uas") in come._timer.request_headers()
    await out._refresh()
    assert come.machine.life is Life.UP
    assert pair.callee.offers == []  # an UPDATE without offer
    await out.end()
    await ended(come)


async def test_an_update_with_an_offer_is_answered_like_a_reinvite(pair: Pair) -> None:
    out, come = await pair.talk()
    answered = await out._request("UPDATE", [], session(6000, version=2))
    assert (answered.status, answered.sdp) == (200, session(5000))
    assert come.remote_sdp == session(6000, version=2)
    await out.end()
    await ended(come)


async def test_what_a_leg_does_not_know_is_refused(pair: Pair) -> None:
    out, come = await pair.talk()
    for method, status in (("REFER", 405), ("OPTIONS", 200), ("UPDATE", 200)):
        assert (await out._request(method, [])).status == status
    assert (await out._request("UPDATE", [("Session-Expires", "10")])).status == 422
    assert come.up
    await out.end()
    await ended(come)


class Refuser(asyncio.DatagramProtocol):
    """Answers an INVITE with 486 whose Contact is somewhere else; keeps what else comes."""

    def __init__(self) -> None:
        self.methods: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        first, *lines = data.decode().split("\r\n")
        self.methods.append(first.partition(" ")[0])
        if first.startswith("INVITE"):
            kept = [line for line in lines if line.startswith(("Via", "From", "To", "Call-ID", "CSeq"))]
            kept = [f"{line};tag=refuser" if line.startswith("To") else line for line in kept]
            answer = ["SIP/2.0 486 Busy Here", *kept, "Contact: <sip:x@127.0.0.1:9>", "Content-Length: 0", "", ""]
            self.transport.sendto("\r\n".join(answer).encode(), addr)


async def test_a_refusal_is_acknowledged_where_the_invite_went(pair: Pair) -> None:
    loop = asyncio.get_running_loop()
    transport, refuser = await loop.create_datagram_endpoint(Refuser, local_addr=(LOCAL, 0))
    out = pair.caller.call(transport.get_extra_info("sockname")[1], session(4000))
    await ended(out)
    await soon(lambda: refuser.methods == ["INVITE", "ACK"])
    transport.close()


async def test_a_closed_agent_is_quiet(pair: Pair) -> None:
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    far_end = FarEnd()
    out = far_end.call(9, session(4000))
    far_end.agent.close()
    await ended(out)
    await asyncio.sleep(0.7)  # beyond timer A, which would repeat the INVITE
    assert complaints == []


class Relay(asyncio.DatagramProtocol):
    """Stands before the callee and loses every third datagram of each direction, the first of them at once."""

    def __init__(self, callee: tuple[str, int]) -> None:
        self.callee, self.caller, self.counts = callee, ("", 0), {True: 0, False: 0}
        self.lost = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        outward = addr != self.callee
        if outward:
            self.caller = addr
        self.counts[outward] += 1
        if self.counts[outward] % 3 == 1:
            self.lost += 1
        else:
            self.transport.sendto(data, self.callee if outward else self.caller)


async def test_calls_get_through_where_every_third_datagram_is_lost(pair: Pair) -> None:
    loop = asyncio.get_running_loop()
    transport, relay = await loop.create_datagram_endpoint(
        lambda: Relay((LOCAL, pair.callee.port)), local_addr=(LOCAL, 0)
    )
    port = transport.get_extra_info("sockname")[1]
    route = ("Record-Route", f"<sip:{LOCAL}:{port};lr>")  # answers' Via leads through no relay, requests' Route does
    for _ in range(5):
        out = pair.caller.call(port, session(4000), [route])
        come = await asyncio.wait_for(pair.callee.calls.get(), 5 * SOON_S)
        come.answer(session(5000))
        assert await asyncio.wait_for(out.answered, 5 * SOON_S)
        assert await asyncio.wait_for(out.offer(session(6000, version=2)), 5 * SOON_S) == session(5000)
        await out.bye()
        await asyncio.wait_for(come.gone, 5 * SOON_S)
    assert pair.callee.offers == [session(6000, version=2)] * 5  # a repeated offer is not a new one
    assert relay.lost > 5
    transport.close()


async def request(port: int, text: str) -> str:
    """Sends a datagram and returns the answer."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()

    class Once(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, _: tuple[str, int]) -> None:
            if not answer.done():
                answer.set_result(data)

    transport, _ = await loop.create_datagram_endpoint(Once, local_addr=(LOCAL, 0), remote_addr=(LOCAL, port))
    transport.sendto(text.replace("\n", "\r\n").encode())
    try:
        return (await asyncio.wait_for(answer, SOON_S)).decode()
    finally:
        transport.close()


PLAIN = (
    "{method} sip:x@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK{method}\nMax-Forwards: 70\n"
    "From: Jürgen Å <sip:a@127.0.0.1> ; tag=1\nTo: <sip:x@127.0.0.1>{tag}\nCall-ID: x-{method}\nCSeq: 1 {method}\n"
    "Contact: <sip:a@127.0.0.1>\nContent-Length: 0\n\n"
)

STRAYS = [("OPTIONS", "", 200), ("REGISTER", "", 405), ("MESSAGE", "", 405), ("BYE", ";tag=none", 481),
          ("INFO", " ; tag=none", 481), ("INVITE", ";tag=none", 481), ("CANCEL", "", 481)]  # fmt: skip


@pytest.mark.parametrize(("method", "tag", "status"), STRAYS)
async def test_requests_that_belong_to_no_call(pair: Pair, method: str, tag: str, status: int) -> None:
    answer = await request(pair.callee.port, PLAIN.format(method=method, tag=tag))
    assert answer.startswith(f"SIP/2.0 {status} ")
    assert "Jürgen Å" in answer


async def test_a_draining_server_says_so_to_the_dispatcher(pair: Pair) -> None:
    pair.callee.status = 503
    assert (await request(pair.callee.port, PLAIN.format(method="OPTIONS", tag=""))).startswith("SIP/2.0 503 ")
    pair.callee.status = 486  # full, not dead
    assert (await request(pair.callee.port, PLAIN.format(method="OPTIONS", tag="x"))).startswith("SIP/2.0 200 ")


VIA = b"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
NAMES = b"From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nContact: <sip:a@b>\r\n"
BROKEN = [
    b"",
    b"\x00" * 40,
    b"\xff\xfe" * 200,
    b"INVITE\r\n\r\n" + b" " * 40,
    b"SIP/2.0 999 What\r\nVia: x\r\n\r\n" + b" " * 40,
    b"INFO sip:x@h SIP/2.0\r\n" + VIA + b"Content-Length: 99\r\n\r\nSignal=7 7314159",
    b"INFO sip:x@h SIP/2.0\r\n" + VIA + NAMES + b"CSeq: 1 INFO\r\nContent-Length: 99\r\n\r\nSignal=7 7314159",
    b"BYE sip:x@h SIP/2.0\r\n" + VIA.replace(b"h;", b"h:99999999;") + NAMES + b"CSeq: 1 BYE\r\n\r\n",
    b"INVITE sip:x@h SIP/2.0\r\n" + VIA + NAMES + b"CSeq: x INVITE\r\nContent-Length: 0\r\n\r\n",
    b"INVITE sip:x@h SIP/2.0\r\n" + VIA + NAMES + b"Contact: <sip:a@b:x>\r\nCSeq: 1 INVITE\r\n\r\n"[:30],
]


async def test_broken_messages_change_nothing_and_are_not_printed(
    pair: Pair, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=(LOCAL, 0), remote_addr=(LOCAL, pair.callee.port)
    )
    for datagram in BROKEN:
        transport.sendto(datagram)
    out, come = await pair.talk()
    await out.end()
    await ended(come)
    transport.close()
    assert "7314159" not in "".join(capfd.readouterr()) + caplog.text
