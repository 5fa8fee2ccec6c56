"""The media relay: every body with a session description goes through rtpengine, both ways.

An offer in a request has its answer in the reply. A late offer (INVITE without a body) has the offer in the 200 and the
answer in the ACK; the transaction remembers which it was.
"""

from kemi import ksr

LATE_OFFER = 1  # flag of the transaction
FLAGS = "replace-origin replace-session-connection ICE=remove RTP/AVP"


def in_request() -> None:
    """An offer of an INVITE or UPDATE, or the late answer of an ACK. Before the request is sent on."""
    if not ksr.has_sdp():
        if ksr.is_method("INVITE"):
            ksr.set_flag(LATE_OFFER)
    elif ksr.is_method("ACK"):
        ksr.media_answer(FLAGS)
    elif ksr.is_method("INVITE|UPDATE"):
        ksr.clear_flag(LATE_OFFER)
        ksr.media_offer(FLAGS)


def in_reply() -> None:
    """The answer to an offer, or a late offer. A refused re-INVITE changes nothing."""
    if not 100 < ksr.reply_status() < 300 or not ksr.has_sdp():
        return
    if ksr.flag(LATE_OFFER):
        ksr.media_offer(FLAGS)
    else:
        ksr.media_answer(FLAGS)


def release(callid: str, from_tag: str) -> None:
    """Frees the ports of a call that has ended; harmless when they are free already."""
    ksr.media_delete(f"call-id={callid} from-tag={from_tag}")
