"""A caller's call, and its second legs, against the real process: the test plays Kamailio on both sides of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from sip_far_end import CALL_HEADERS, SOON_S, FarEnd, Server, media_server, session, soon

from mediasrv import sdp
from mediasrv.sip.leg import Leg
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


async def keys(leg: Leg, keys: str) -> None:
    for key in keys:
        leg.send_info("application/dtmf", key)


async def test_a_caller_is_connected_and_taken_back(tmp_path: Path) -> None:
    async with on_the_line(tmp_path) as (server, edge, leg):
        await keys(leg, "33142345678#")
        second = await edge.next_call()
        assert second.invite.uri.startswith("sip:33142345678@")
        assert second.invite.header("x-cardswitch-call") == "c" * 32
        assert second.invite.header("x-cardswitch-hold") == "33142345678".rjust(32, "0")
        assert sdp.read(second.invite.sdp).port == 4000  # the caller's own session is offered
        second.ring()
        second.answer(session(5000))
        await soon(lambda: edge.offers)
        assert sdp.read(edge.offers[0]).port == 5000  # and the callee's to the caller
        await second.bye()
        await soon(lambda: len(edge.offers) == 2)
        taken_back = sdp.read(edge.offers[1])
        assert taken_back.port == sdp.read(leg.remote_sdp or "").port != 5000
        bridged = await server.step("bridged")
        assert (bridged["outcome"], bridged["sip"]) == ("completed", 200)
