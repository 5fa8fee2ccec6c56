"""The first steps of the route: what is refused before anyone asks who it is from."""

import re

from kemi import ksr
from kemi.answer import done, refuse
from kemi.causes import BAD_REQUEST, NOT_ALLOWED, TOO_LARGE, TOO_MANY_HOPS, ledger_unavailable
from kemi.settings import EdgeSettings

HOPS_MAX = 30
MESSAGE_CHECKS = (
    17895  # the module's default: Via, URI scheme, required headers, CSeq, Content-Length, Expires, digest …
)
URI_CHECKS = 7  # R-URI, From, To
NAT_BY_VIA = 2 | 16  # address or port in Via are not those the packet came from
NATTED = "$avp(nat)"  # where an INVITE from behind NAT came from
METHODS = "INVITE|ACK|BYE|CANCEL|OPTIONS|INFO|UPDATE|PRACK"
SCANNERS = re.compile(r"friendly|scanner|sipcli|sipvicious|sipsak|pplsip|iwar|sundayddr|vaxsip", re.IGNORECASE)


def check_stranger() -> None:
    """A source that is no trunk: known scanners and floods get no reply."""
    if SCANNERS.search(ksr.get("$ua") or "") or ksr.flooding():
        done()


def check_limits(edge: EdgeSettings) -> None:
    """Size, hops, malformed messages."""
    if ksr.get_int("$ml") > edge.message_bytes_max:
        refuse(TOO_LARGE, stateful=False)
    if ksr.hops_exceeded(HOPS_MAX):
        refuse(TOO_MANY_HOPS, stateful=False)
    if not ksr.sane(MESSAGE_CHECKS, URI_CHECKS):
        done()


def pass_cancel(method: str) -> None:
    """A CANCEL follows its INVITE; one without is dropped."""
    if method == "CANCEL":
        if ksr.cancel_known():
            ksr.relay()
        done()


def skip_retransmission(method: str) -> None:
    if method != "ACK" and ksr.retransmission():
        done()


def answer_probe(method: str, *, ready: bool, retry_after_s: int) -> None:
    """OPTIONS sent to us asks whether we live and can take calls: not before the directory was read once."""
    if method == "OPTIONS":
        if not ready:
            refuse(ledger_unavailable(retry_after_s), stateful=False)
        ksr.append_reply_header("Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK")
        ksr.append_reply_header("Accept: application/sdp")
        ksr.reply_stateless(200, "OK")
        done()


def only_invites(method: str) -> None:
    if method == "ACK":
        if ksr.acknowledges_known():
            ksr.relay()
        done()
    if method != "INVITE":
        ksr.append_reply_header("Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK")
        refuse(NOT_ALLOWED, stateful=False)
    if not ksr.get("$rU"):
        refuse(BAD_REQUEST, stateful=False)


def mend_nat(method: str) -> None:
    """A caller behind NAT is answered, and later told BYE, where its request came from: in a new call, and in every
    request of the dialog, whose Contact replaces the first one's (RFC 3261, section 12.2.2)."""
    if ksr.behind_nat(NAT_BY_VIA):
        ksr.remember_rport()
        if method in ("INVITE", "UPDATE"):
            ksr.set_text(NATTED, ":".join(map(str, ksr.source())))
            ksr.use_source_as_contact()


def remember_nat() -> None:
    """For the dialog that was just made of the request at hand."""
    source = ksr.get(NATTED)
    if source:
        ksr.set_dialog_variable("nat", source)


def mend_nat_of_reply() -> None:
    """A reply inside the dialog from one behind NAT names its inside address, too."""
    if ksr.dialog_variable("nat") == ":".join(map(str, ksr.source())):
        ksr.use_source_as_contact()
