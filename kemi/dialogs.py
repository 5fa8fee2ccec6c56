"""Calls in progress: requests inside a dialog, and the dialog's own events, which become the call journal."""

from typing import Any, NoReturn

from kemi import entrance, journalled, ksr, media, metrics, node, running, survive
from kemi.answer import done, refuse
from kemi.causes import CANCELLED, NO_SUCH_DIALOG, NORMAL_CLEARING, RECOVERY_ON_TIMER, cause_in_reason
from kemi.steps import step

TIMED_OUT = 1024  # bit of $dlg(dflags)
FAKE_CALLID = "123"  # of the message an event has that no message caused


def follow(method: str) -> None:
    """A request inside a dialog goes where its Route says; ends the route."""
    if not ksr.has_to_tag():
        return
    if not ksr.loose_route():
        leave_dialogless(method)
    if method == "ACK":
        survive.keep_once()
    else:
        entrance.mend_nat(method)
    ksr.remove_headers("^X-Cardswitch-")
    if not media.in_request(method) and method != "ACK":
        refuse(media.refused(), stateful=False)
    if method in ("INVITE", "UPDATE"):
        ksr.on_reply("ksr_reply_in_dialog")
    ksr.relay()
    done()


def hear_far_end() -> None:
    """A reply inside the dialog: its media, and where its sender is when that is behind NAT."""
    entrance.mend_nat_of_reply()
    media.in_reply(ksr.reply_status())


def leave_dialogless(method: str) -> NoReturn:
    """An ACK of a negative reply of ours, or a request for a dialog that we do not know."""
    if method == "ACK":
        if ksr.acknowledges_known():
            ksr.relay()
        done()
    refuse(NO_SUCH_DIALOG, stateful=False)


def answered_for_nothing() -> bool:
    """Whether the reply to an INVITE is a 200 that would connect somebody for free. It is not passed on, and its sender
    gives up after 32 s.

    It may be the 200 of another callee of a forked call (RFC 3261, section 13.2.2.4): the dialog, its limit and its
    charge are the first callee's. Or that of an INVITE which this edge has forgotten, in a crash or after hours: there
    is no dialog any more to end it. Replies to the callee's re-INVITEs have another From tag: another key.
    """
    if not 200 <= ksr.reply_status() < 300:
        return False
    key, tag = f"{ksr.get('$ci')} {ksr.get('$ft')}", ksr.get("$tt") or ""
    first = ksr.claimed(key)
    if first is None:
        if not ksr.reply_is_expected():
            return True
        ksr.claim(key, tag)
    return first not in (None, tag)


def event(name: str) -> None:
    """``name`` as Kamailio calls it; of its "unknown" ones there is nothing to say."""
    if name == "dialog:start":
        if call := running.call_of_dialog():
            answered(call)
    elif name in ("dialog:end", "dialog:failed"):
        call = running.call_of_dialog()
        if name == "dialog:end":
            survive.forget()
        media.release(ksr.get("$dlg(callid)") or "", ksr.get("$dlg(from_tag)") or "")
        if call:
            ended(call, timeout=False) if name == "dialog:end" else failed(call)
    elif name == "dialog:timeout" and (call := running.call_of_dialog()):
        ended(call, timeout=True)


def answered(call: running.PlacedCall) -> None:
    event = {**running.bare_event("answer", call, node.settings().node), **running.dialog_fields(call)}
    running.remember_answer(event)
    journalled.write_journal(event)
    step(call.call, "answered", pdd_ms=event["pdd_ms"], limit_s=call.limit_s)
    metrics.tried(event["gateway_id"], 200)


def failed(call: running.PlacedCall) -> None:
    """Refused, not answered in time, or cancelled."""
    final = ksr.get("$avp(final)") or f"{CANCELLED.status} {CANCELLED.cause}"  # nothing came: only a CANCEL is so quiet
    status, _, cause = final.partition(" ")
    carrier_id, gateway_id = running.attempt_of_dialog()
    event = running.bare_event("failed", call, node.settings().node)
    fields = {"sip": int(status), "cause": int(cause), "carrier_id": carrier_id, "gateway_id": gateway_id}
    journalled.write_journal({**event, **fields})
    step(call.call, "failed", sip=int(status), cause=int(cause))


def ended(call: running.PlacedCall, *, timeout: bool) -> None:
    """Written at the time-out already, and again when the BYEs are through: either may be lost, one is enough."""
    answer = running.answer_of_dialog() or {}
    event = {
        **answer,
        **running.bare_event("end", call, node.settings().node),
        "answer_us": answer.get("t_us", 0),
        "answer_mono_us": answer.get("mono_us", 0),
        **how_it_ended(timeout),
    }
    if answer and answer["boot"] != event["boot"]:
        event["answer_boot"] = answer["boot"]
    journalled.write_journal(event)
    step(call.call, "timeout" if timeout else "ended", by=event["by"], cause=event["cause"])


def tell_why() -> None:
    """A BYE of our own at the limit says so to both ends: the media server tells the card holder."""
    if ksr.method() == "BYE" and ksr.get_int("$dlg(dflags)") & TIMED_OUT:
        ksr.append_header(f"Reason: Q.850;cause={RECOVERY_ON_TIMER}")


def how_it_ended(timeout: bool) -> dict[str, Any]:
    """Who ended it and the Q.850 cause."""
    if timeout or ksr.get_int("$dlg(dflags)") & TIMED_OUT:
        return {"by": "timeout", "cause": RECOVERY_ON_TIMER, "sip": 0}
    if ksr.get("$ci") == FAKE_CALLID or not ksr.is_method("BYE"):
        return {"by": "platform", "cause": NORMAL_CLEARING, "sip": 0}
    by = "caller" if ksr.get("$ft") == ksr.get("$dlg(from_tag)") else "callee"
    return {"by": by, "cause": cause_in_reason(ksr.header("Reason")) or NORMAL_CLEARING, "sip": 0}
