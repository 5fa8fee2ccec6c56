"""A caller's call, and its second legs, against the real process: the test plays Kamailio on both sides of it."""

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sip_far_end import CALL_HEADERS, LOCAL, SOON_S, FarEnd, Server, free_ports, media_server, session, soon

from mediasrv import sdp
from mediasrv.sip.incoming import IncomingLeg
from mediasrv.sip.leg import Leg, Refusal
from mediasrv.sip.message import tag_of
from mediasrv.sip.outgoing import OutgoingLeg


@contextlib.asynccontextmanager
async def on_the_line(directory: Path, *options: str) -> AsyncIterator[tuple[Server, FarEnd, OutgoingLeg]]:
    """A caller who has heard the welcome."""
    edge = FarEnd()
    async with media_server(directory, edge.port, *options) as server:
        leg = edge.call(server.sip, session(4000), CALL_HEADERS)
        edge.answer = session(4000, version=2)
        assert await asyncio.wait_for(leg.answered, SOON_S)
        await server.step("play")
        yield server, edge, leg
        await leg.end()
        await server.step("hang_up")
    edge.agent.close()


def key(leg: Leg, keys: str, kind: str = "application/dtmf") -> None:
    for one in keys:
        leg.send_info(kind, one if kind == "application/dtmf" else f"Signal={one}\r\nDuration=160\r\n")


async def connected(server: Server, edge: FarEnd, leg: OutgoingLeg) -> IncomingLeg:
    """The second leg, once the caller has been offered the callee's session and has answered."""
    key(leg, "44#")
    second = await edge.next_call()
    second.answer(session(5000))
    await soon(lambda: edge.offers and sdp.read(edge.offers[-1]).port == 5000)
    await soon(lambda: second.up)
    return second


async def taken_back(edge: FarEnd, leg: OutgoingLeg) -> None:
    """The caller's media is at the media server again."""
    before = sdp.read(session(5000)).port
    await soon(lambda: sdp.read(edge.offers[-1]).port != before)
    assert leg.up


async def test_a_caller_is_connected_and_taken_back(tmp_path: Path) -> None:
    async with on_the_line(tmp_path) as (server, edge, leg):
        own = sdp.read(leg.remote_sdp).port
        key(leg, "33142345678#", "application/dtmf-relay")
        second = await edge.next_call()
        assert second.invite.uri.startswith("sip:33142345678@")
        assert second.invite.header("x-cardswitch-call") == "c" * 32
        assert second.invite.header("x-cardswitch-hold") == "33142345678".rjust(32, "0")
        assert sdp.read(second.invite.sdp).port == 4000  # the caller's own session is offered
        second.ring()
        second.answer(session(5000))
        await soon(lambda: edge.offers)
        assert sdp.read(edge.offers[0]).port == 5000  # and the callee's to the caller
        await second.bye("Q.850;cause=16")
        await soon(lambda: len(edge.offers) == 2)
        assert sdp.read(edge.offers[1]).port == own
        bridged = await server.step("bridged")
        assert (bridged["outcome"], bridged["sip"], bridged["cause"]) == ("completed", 200, 16)
        key(leg, "44#")  # and on to the next destination
        assert (await edge.next_call()).invite.uri.startswith("sip:44@")


@pytest.mark.parametrize(
    ("status", "cause", "outcome"),
    [
        (486, 17, "busy"),
        (404, 1, "wrong_number"),
        (480, 0, "no_answer"),
        (503, 34, "unreachable"),
        (603, 21, "rejected"),
    ],
)
async def test_a_refused_call_has_its_reason(tmp_path: Path, status: int, cause: int, outcome: str) -> None:
    async with on_the_line(tmp_path) as (server, edge, leg):
        key(leg, "44#")
        (await edge.next_call()).refuse(status, [("Reason", f"Q.850;cause={cause}")] if cause else [])
        bridged = await server.step("bridged")
        assert (bridged["outcome"], bridged["sip"], bridged["cause"]) == (outcome, status, cause)
        assert bridged["seconds"] == 0
        assert edge.offers == []  # the caller was never given away
        assert f'cardswitch_ivr_bridges_total{{outcome="{outcome}"}} 1.0' in (await server.get("/metrics"))[1]
        assert leg.up


def rings(second: IncomingLeg, early: str = "", *, tag: str = "") -> None:
    """18x, with early media or without; of another gateway when ``tag`` is another."""
    second._transaction.respond(
        183 if early else 180, "Ringing", tag=tag or tag_of(second.dialog.local), body=early,
        headers=[("Contact", second.stack.contact)],
    )  # fmt: skip


async def hears_early_media(edge: FarEnd, leg: OutgoingLeg) -> IncomingLeg:
    """The second leg, once the caller has been given what the far end sends before it answers."""
    key(leg, "44#")
    second = await edge.next_call()
    rings(second, session(5000))
    await soon(lambda: edge.offers and sdp.read(edge.offers[-1]).port == 5000)
    return second


async def test_early_media_is_the_callers_to_hear_and_goes_on_with_the_answer(tmp_path: Path) -> None:
    async with on_the_line(tmp_path) as (server, edge, leg):
        second = await hears_early_media(edge, leg)
        rings(second, session(5000))
        rings(second)
        second.answer(session(5000, version=2))  # nothing new but the o= line
        await server.step("connected")
        assert len(edge.offers) == 1
        await second.bye()
        await taken_back(edge, leg)
        assert (await server.step("bridged"))["outcome"] == "completed"


async def test_another_session_in_the_answer_is_followed(tmp_path: Path) -> None:
    async with on_the_line(tmp_path) as (server, edge, leg):
        second = await hears_early_media(edge, leg)
        second.answer(session(5002, version=2))
        await server.step("connected")
        assert [sdp.read(offer).port for offer in edge.offers] == [5000, 5002]
        await second.bye()
        await taken_back(edge, leg)


async def test_after_early_media_and_a_refusal_the_caller_is_back_and_hears_why(tmp_path: Path) -> None:
    async with on_the_line(tmp_path) as (server, edge, leg):
        second = await hears_early_media(edge, leg)
        second.refuse(486, [("Reason", "Q.850;cause=17")])
        await taken_back(edge, leg)
        assert (await server.step("bridged"))["outcome"] == "busy"
        key(leg, "55#")
        assert (await edge.next_call()).invite.uri.startswith("sip:55@")


async def test_two_hashes_end_early_media(tmp_path: Path) -> None:
    async with on_the_line(tmp_path) as (server, edge, leg):
        second = await hears_early_media(edge, leg)
        key(leg, "##")
        assert (await asyncio.wait_for(second.gone, SOON_S)).status == 487
        await taken_back(edge, leg)
        assert (await server.step("bridged"))["outcome"] == "recalled"


async def test_when_the_next_gateway_only_rings_the_caller_hears_a_ringing_tone_again(tmp_path: Path) -> None:
    """The first gateway sent early media and failed; Kamailio tries the next, whose ringing has another tag."""
    async with on_the_line(tmp_path) as (_, edge, leg):
        second = await hears_early_media(edge, leg)
        rings(second, tag="another")
        await taken_back(edge, leg)
        rings(second, session(5000, version=3), tag="third")
        await soon(lambda: [sdp.read(offer).port for offer in edge.offers][::2] == [5000, 5000])


async def test_a_telephone_that_refuses_early_media_is_connected_all_the_same(tmp_path: Path) -> None:
    async with on_the_line(tmp_path) as (server, edge, leg):
        answer, edge.answer = edge.answer, Refusal(488)
        second = await hears_early_media(edge, leg)
        rings(second, session(5000))
        edge.answer = answer
        second.answer(session(5000))
        await server.step("connected")
        assert [sdp.read(offer).port for offer in edge.offers] == [5000, 5000]
        await second.bye()
        await taken_back(edge, leg)


async def test_a_number_without_its_end_is_complete_when_no_more_digits_come(tmp_path: Path) -> None:
    async with on_the_line(tmp_path) as (_, edge, leg):
        key(leg, "4455")
        assert (await edge.next_call()).invite.uri.startswith("sip:4455@")


async def test_a_caller_who_keys_nothing_is_not_waited_for_longer_than_that(tmp_path: Path) -> None:
    async with on_the_line(tmp_path, "--patience", "0.5") as (server, _, leg):
        assert (await asyncio.wait_for(leg.gone, SOON_S)).remote
        assert (await server.step("ask"))["keys"] is None


async def test_a_key_stops_the_prompt_and_is_the_answers_first(tmp_path: Path) -> None:
    """The stub's prompts last a minute here: who waits for their end is never served."""
    async with on_the_line(tmp_path, "--prompt", "60") as (_, edge, leg):
        key(leg, "4455#")
        assert (await edge.next_call()).invite.uri.startswith("sip:4455@")


async def test_a_dead_edge_is_noticed_within_seconds(tmp_path: Path) -> None:
    async with on_the_line(tmp_path) as (server, edge, leg):
        edge.agent.received = lambda *_: None  # type: ignore[method-assign]  # no 100, nothing
        key(leg, "44#")
        bridged = await server.step("bridged")
        assert (bridged["outcome"], bridged["sip"]) == ("unreachable", 408)


async def test_keys_by_info_reach_the_machine_at_the_far_end(tmp_path: Path) -> None:
    async with on_the_line(tmp_path) as (server, edge, leg):
        await connected(server, edge, leg)
        key(leg, "7")
        await soon(lambda: edge.infos == ["7"])


async def test_ringing_ends_after_a_time(tmp_path: Path) -> None:
    async with on_the_line(tmp_path, "--ring-max", "1") as (server, edge, leg):
        key(leg, "44#")
        second = await edge.next_call()
        second.ring()
        assert (await server.step("bridged"))["outcome"] == "no_answer"
        assert (await asyncio.wait_for(second.gone, SOON_S)).status == 487
        assert leg.up


@pytest.mark.parametrize("moment", ["unanswered", "ringing", "connected"])
async def test_a_caller_who_hangs_up_ends_the_second_leg(tmp_path: Path, moment: str) -> None:
    async with on_the_line(tmp_path) as (server, edge, leg):
        if moment == "connected":
            second = await connected(server, edge, leg)
        else:
            key(leg, "44#")
            second = await edge.next_call()
            if moment == "ringing":
                second.ring()
        await leg.bye()
        assert (await asyncio.wait_for(second.gone, SOON_S)).remote
        assert (await server.step("bridged"))["outcome"] == "caller_left"


@pytest.mark.parametrize("moment", ["ringing", "connected"])
async def test_two_hashes_bring_the_caller_back(tmp_path: Path, moment: str) -> None:
    async with on_the_line(tmp_path) as (server, edge, leg):
        if moment == "connected":
            second = await connected(server, edge, leg)
        else:
            key(leg, "44#")
            second = await edge.next_call()
            second.ring()
        key(leg, "1##")
        assert (await asyncio.wait_for(second.gone, SOON_S)).remote
        assert (await server.step("bridged"))["outcome"] == "recalled"
        if moment == "connected":
            await taken_back(edge, leg)
        key(leg, "55#")
        assert (await edge.next_call()).invite.uri.startswith("sip:55@")


async def test_two_hashes_on_the_wire_are_told_by_rtpengine(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with on_the_line(tmp_path, "--dtmf-events", str(port)) as (server, edge, leg):
        second = await connected(server, edge, leg)
        call_id, ours = leg.dialog.call_id, tag_of(leg.dialog.local)
        theirs = tag_of(leg.dialog.remote)
        told = [(call_id, theirs), (call_id, theirs), ("other", ours), (call_id, ours), (call_id, ours)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtpengine:
            for one, tag in told:
                assert not second.gone.done()
                event = {"callid": one, "source_tag": tag, "type": "DTMF", "event": 11, "duration": 100, "volume": 10}
                rtpengine.sendto(json.dumps(event).encode(), (LOCAL, port))
                rtpengine.sendto(b"junk", (LOCAL, port))
        assert (await asyncio.wait_for(second.gone, SOON_S)).remote
        assert (await server.step("bridged"))["outcome"] == "recalled"


async def test_the_edges_bye_at_the_limit_is_told_from_a_hang_up(tmp_path: Path) -> None:
    async with on_the_line(tmp_path) as (server, edge, leg):
        second = await connected(server, edge, leg)
        await second.bye("Q.850;cause=102")
        assert (await server.step("bridged"))["outcome"] == "limit"
        await taken_back(edge, leg)


async def test_a_call_past_its_limit_is_ended_by_us_too(tmp_path: Path) -> None:
    async with on_the_line(tmp_path, "--limit", "-3") as (server, edge, leg):  # PAST_LIMIT_S later: after 2 s
        second = await connected(server, edge, leg)
        gone = await asyncio.wait_for(second.gone, SOON_S)
        assert (gone.remote, gone.cause) == (True, 102)
        assert (await server.step("bridged"))["outcome"] == "limit"


async def test_a_caller_whose_phone_refuses_the_session_is_not_connected(tmp_path: Path) -> None:
    async with on_the_line(tmp_path) as (server, edge, leg):
        edge.answer = Refusal(488)
        key(leg, "44#")
        second = await edge.next_call()
        second.answer(session(5000))
        assert (await asyncio.wait_for(second.gone, SOON_S)).remote
        assert (await server.step("bridged"))["outcome"] == "unreachable"
        assert leg.up


async def test_offers_of_a_connected_call_go_through(tmp_path: Path) -> None:
    async with on_the_line(tmp_path) as (server, edge, leg):
        second = await connected(server, edge, leg)
        edge.answer = session(5000, version=2)  # the callee's answer
        assert sdp.read(await leg.offer(session(4002, version=3))).port == 5000
        assert sdp.read(edge.offers[-1]).port == 4002
        edge.answer = session(4002, version=3)  # the caller's answer
        assert sdp.read(await second.offer(session(5002, version=3))).port == 4002
        assert sdp.read(edge.offers[-1]).port == 5002
        before = len(edge.offers)
        await second.offer(session(5002, version=3))  # a refresh: nothing has changed, nobody is asked
        assert len(edge.offers) == before


async def test_every_callee_is_offered_all_the_codecs_of_the_caller(tmp_path: Path) -> None:
    async with on_the_line(tmp_path) as (server, edge, leg):
        edge.answer = session(4000, version=2).replace("RTP/AVP 0 8 101", "RTP/AVP 0 101")  # chosen of our offer
        second = await connected(server, edge, leg)
        await second.bye()
        await server.step("bridged")
        key(leg, "55#")
        again = await edge.next_call()
        assert "RTP/AVP 0 8 101" in again.invite.sdp
        again.refuse(486)
        await server.step("bridged", 2)
        await leg.offer(session(4010, version=9).replace("RTP/AVP 0 8 101", "RTP/AVP 8 101"))  # another phone now
        key(leg, "66#")
        moved = await edge.next_call()
        assert "m=audio 4010 RTP/AVP 8 101" in moved.invite.sdp


async def test_a_caller_on_hold_is_answered_as_such(tmp_path: Path) -> None:
    async with on_the_line(tmp_path) as (_, __, leg):
        held = await leg.offer(session(4000, version=3).replace("a=sendrecv", "a=sendonly"))
        assert sdp.read(held).direction == "recvonly"


async def test_a_call_without_an_offer_gets_ours(tmp_path: Path) -> None:
    edge = FarEnd()
    async with media_server(tmp_path, edge.port) as server:
        leg = edge.call(server.sip, "", CALL_HEADERS, answer=session(4000))
        assert await asyncio.wait_for(leg.answered, SOON_S)
        assert sdp.read(leg.remote_sdp).event_payload_type == 101
        await server.step("play")
        edge.answer = session(4000, version=2)
        await connected(server, edge, leg)
        await leg.end()
        await server.step("hang_up")
    edge.agent.close()


def kill_rtp_worker(server: Server) -> None:
    for worker in Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split():
        os.kill(int(worker), signal.SIGKILL)


async def test_a_dead_rtp_worker_ends_its_calls_and_takes_new_ones_when_it_is_back(tmp_path: Path) -> None:
    async with on_the_line(tmp_path) as (server, edge, leg):
        kill_rtp_worker(server)
        assert (await asyncio.wait_for(leg.gone, SOON_S)).remote
        await soon_ok(server)
        again = edge.call(server.sip, session(4000), CALL_HEADERS)
        assert await asyncio.wait_for(again.answered, SOON_S)
        await again.end()
        await server.step("hang_up", 2)


async def test_without_an_rtp_worker_the_edge_is_sent_elsewhere(tmp_path: Path) -> None:
    edge = FarEnd()
    async with media_server(tmp_path, edge.port) as server:
        for _ in range(3):  # one that dies again and again is started again later and later
            await soon_ok(server)
            kill_rtp_worker(server)
            await soon_ok(server, workers=0)
        gone = await asyncio.wait_for(edge.call(server.sip, session(4000), CALL_HEADERS).gone, SOON_S)
        assert gone.status == 503
    edge.agent.close()


async def soon_ok(server: Server, *, workers: int = 1) -> None:
    async with asyncio.timeout(SOON_S):
        while f'"rtp_workers": {workers}' not in (await server.get("/healthz"))[1]:
            await asyncio.sleep(0.02)


async def test_a_caller_from_whom_nothing_comes_is_hung_up_on_but_not_while_connected(tmp_path: Path) -> None:
    async with on_the_line(tmp_path, "--silence", "2") as (server, edge, leg):
        second = await connected(server, edge, leg)
        await asyncio.wait([leg.gone, second.gone], timeout=3)  # longer than the silence allowed
        assert leg.up
        assert second.up
        await second.bye()
        assert (await asyncio.wait_for(leg.gone, SOON_S)).remote


async def test_who_is_refused(tmp_path: Path) -> None:
    edge, stranger = FarEnd(), FarEnd()
    unknown = [*CALL_HEADERS[:1], ("X-Cardswitch-Access", "18005550199")]
    video = session(4000).replace("RTP/AVP 0 8 101", "RTP/AVP 18")
    refused = [(stranger, session(4000), CALL_HEADERS, 403), (edge, video, CALL_HEADERS, 488),
               (edge, session(4000), unknown, 404), (edge, session(4000), [], 404)]  # fmt: skip
    async with media_server(tmp_path, edge.port) as server:
        for far_end, offer, headers, status in refused:
            gone = await asyncio.wait_for(far_end.call(server.sip, offer, headers).gone, SOON_S)
            assert gone.status == status
    edge.agent.close()
    stranger.agent.close()


async def test_a_full_server_is_busy_and_a_draining_one_ends_with_its_last_call(tmp_path: Path) -> None:
    async with on_the_line(tmp_path, "--calls-max", "1") as (server, edge, leg):
        gone = await asyncio.wait_for(edge.call(server.sip, session(4000), CALL_HEADERS).gone, SOON_S)
        assert gone.status == 486
        assert (await server.get("/healthz"))[0] == 200
        server.process.send_signal(signal.SIGHUP)
        status = 200
        while status == 200:
            status = (await server.get("/healthz"))[0]
        gone = await asyncio.wait_for(edge.call(server.sip, session(4000), CALL_HEADERS).gone, SOON_S)
        assert gone.status == 503
        metrics = (await server.get("/metrics"))[1]
        assert "cardswitch_ivr_calls_active 1.0" in metrics
        assert "cardswitch_rtp_packets_sent_total" in metrics
        await leg.bye()
        assert await asyncio.wait_for(server.process.wait(), SOON_S) == 0


async def test_a_call_without_ack_does_not_hold_up_the_end(tmp_path: Path) -> None:
    edge = FarEnd()
    async with media_server(tmp_path, edge.port) as server:
        leg = edge.call(server.sip, session(4000), CALL_HEADERS)
        leg._success = lambda _: None  # type: ignore[method-assign]  # deaf to the 200
        await server.step("invite")
        await soon(lambda: "ready" in server.log.read_text())
        server.process.terminate()
        assert await asyncio.wait_for(server.process.wait(), SOON_S) == 0
    edge.agent.close()


async def test_sigterm_says_goodbye_to_every_leg(tmp_path: Path) -> None:
    async with on_the_line(tmp_path) as (server, edge, leg):
        second = await connected(server, edge, leg)
        server.process.terminate()
        for one in (leg, second):
            assert (await asyncio.wait_for(one.gone, SOON_S)).remote
        assert await asyncio.wait_for(server.process.wait(), SOON_S) == 0
