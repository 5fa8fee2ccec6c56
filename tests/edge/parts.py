"""What most stories are made of: an answering gateway, a calling card holder."""

from tests.edge.sipp import Step, ack, ack_refusal, invite, receive, reply, reply_in_dialog, request
from tests.edge.world import LONDON

RINGS = [receive("INVITE", rrs=True), reply(180, "Ringing")]
ANSWERS = [*RINGS, reply(200, "OK", sdp=True, retrans_ms=500), receive("ACK")]
HANGS_UP = [receive("BYE"), reply_in_dialog()]
PROVISIONAL = [receive(100, optional=True), receive(180, optional=True), receive(183, optional=True)]


def calls(ani: str, number: str = LONDON, *, sdp: bool = True, extra: str = "", action: str = "") -> list[Step]:
    """The caller dials and is connected. ``action``: what to look for in the 200."""
    return [
        invite(number, ani, sdp=sdp, extra=extra),
        *PROVISIONAL,
        receive(200, rrs=True, action=action),
        ack(number, ani, sdp=not sdp),
    ]


def refused(ani: str, status: int, number: str = LONDON, *, extra: str = "", action: str = "") -> list[Step]:
    """The caller dials and is told ``status``."""
    return [invite(number, ani, extra=extra), *PROVISIONAL, receive(status, action=action), ack_refusal(number, ani)]


def hangs_up(ani: str, number: str = LONDON, *, cseq: int = 2) -> list[Step]:
    return [request("BYE", number, ani, cseq=cseq), receive(200)]


def rejects(status: int, reason: str, *, extra: str = "") -> list[Step]:
    """A gateway that refuses the call."""
    return [receive("INVITE", rrs=True), reply(status, reason, extra=extra), receive("ACK")]
