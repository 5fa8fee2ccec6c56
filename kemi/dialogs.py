"""Calls in progress: requests inside a dialog, and the dialog's own events, which become the call journal."""

from typing import Any, NoReturn

from kemi import ksr, media, metrics, node, running, survive
from kemi.answer import done, refuse
from kemi.causes import CANCELLED, NO_SUCH_DIALOG, NORMAL_CLEARING, RECOVERY_ON_TIMER, cause_in_reason
from kemi.steps import step

TIMED_OUT = 1024  # bit of $dlg(dflags)
FAKE_CALLID = "123"  # of the message an event has that no message caused


def follow() -> None:
    """A request inside a dialog goes where its Route says; ends the route."""
    if not ksr.has_to_tag():
        return
    if not ksr.loose_route():
        leave_dialogless()
    if ksr.is_method("ACK"):
        survive.keep_once()
    ksr.remove_headers("^X-Cardswitch-")
    if not media.in_request() and not ksr.is_method("ACK"):
        refuse(media.refused(), stateful=False)
    if ksr.is_method("INVITE|UPDATE"):
        ksr.on_reply("ksr_reply_in_dialog")
    ksr.relay()
    done()


def leave_dialogless() -> NoReturn:
    """An ACK of a negative reply of ours, or a request for a dialog that we do not know."""
    if ksr.is_method("ACK"):
        if ksr.acknowledges_known():
            ksr.relay()
        done()
    refuse(NO_SUCH_DIALOG, stateful=False)


def answered_by_a_second_callee() -> bool:
    """Whether the reply is the 200 of another callee of a forked call (RFC 3261, section 13.2.2.4).

    The dialog, its limit and its charge are the first callee's. A second one would be connected for free: its 200 is
    not passed on, and it gives up after 32 s. Replies to the callee's re-INVITEs have another From tag: another key.
    """
    if not ksr.is_method("INVITE") or not 200 <= ksr.reply_status() < 300:
        return False
    key = f"{ksr.get('$ci')} {ksr.get('$ft')}"
    return not ksr.first_to_claim(key, ksr.get("$tt") or "")


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
    node.write_journal(event)
    step(call.call, "answered", pdd_ms=event["pdd_ms"], limit_s=call.limit_s)
    metrics.tried(event["gateway_id"], 200)


def failed(call: running.PlacedCall) -> None:
    """Refused, not answered in time, or cancelled."""
    final = ksr.get("$avp(final)") or f"{CANCELLED.status} {CANCELLED.cause}"  # nothing came: only a CANCEL is so quiet
    status, _, cause = final.partition(" ")
    carrier_id, gateway_id = running.attempt_of_dialog()
    event = running.bare_event("failed", call, node.settings().node)
    fields = {"sip": int(status), "cause": int(cause), "carrier_id": carrier_id, "gateway_id": gateway_id}
    node.write_journal({**event, **fields})
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
    node.write_journal(event)
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
