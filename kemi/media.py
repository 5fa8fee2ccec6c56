"""The media relay: every body with a session description goes through rtpengine, both ways.

An offer in a request has its answer in the reply. A late offer (INVITE without a body) has the offer in the 200 and the
answer in the ACK; the transaction remembers which it was.
"""

import re

from kemi import ksr
from kemi.causes import NO_MEDIA, NOT_ACCEPTABLE, Answer

RELAYED = "media"  # dialog variable: there are ports to free
LATE_OFFER = 1  # flag of the transaction
_DESCRIPTION = re.compile(r"\Av=0\r?\n(?:.*\n)*m=audio [0-9]+ RTP/")
FLAGS = "replace-origin replace-session-connection ICE=remove RTP/AVP"


def in_request(method: str, family: str = "") -> bool:
    """An offer of an INVITE or UPDATE, or the late answer of an ACK. Before the request is sent on, for each attempt.

    ``family``: "IP4" or "IP6" of the next hop, which may be another one than the caller's; "" leaves it as it was.

    False when rtpengine did not take it: the session description is broken, or no rtpengine is there.
    """
    if not ksr.has_sdp():
        if method == "INVITE":
            ksr.set_flag(LATE_OFFER)
        return True
    if method == "ACK":
        return ksr.media_answer(FLAGS)
    if method in ("INVITE", "UPDATE"):
        ksr.clear_flag(LATE_OFFER)
        return _offer(f"{FLAGS} address-family={family}" if family else FLAGS)
    return True


def refused() -> Answer:
    """What the caller is told when ``in_request`` was False."""
    return NO_MEDIA if _DESCRIPTION.search(ksr.get("$rb") or "") else NOT_ACCEPTABLE


def in_reply(status: int) -> None:
    """The answer to an offer, or a late offer. A refused re-INVITE changes nothing."""
    if not 100 < status < 300 or not ksr.has_sdp():
        return
    if ksr.flag(LATE_OFFER):
        _offer()
    else:
        ksr.media_answer(FLAGS)


def _offer(flags: str = FLAGS) -> bool:
    ksr.set_dialog_variable(RELAYED, "1")
    return ksr.media_offer(flags)


def begin() -> bool:
    """The media relay, the keeper and the media server know a call by its Call-ID: False while one with the same runs,
    for that one's end would leave the second one's ports behind (RFC 3261, section 8.2.2.2: 482)."""
    return ksr.begin_call(ksr.get("$ci") or "")


def release(callid: str, from_tag: str) -> None:
    """Frees the Call-ID and the ports of a call that has ended; harmless when they are free already."""
    ksr.forget_call(callid)
    if ksr.dialog_variable(RELAYED):
        ksr.media_delete(f"call-id={callid} from-tag={from_tag} delete-delay=0")
