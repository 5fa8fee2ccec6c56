"""A call on a card: hold in hand, dialog made, gateways tried in LCR order."""

import json
import re
from dataclasses import fields
from typing import Any, NoReturn

from kemi import entrance, journalled, ksr, media, metrics, node, running
from kemi.answer import done, refuse
from kemi.causes import (
    CANCELLED,
    MERGED,
    NO_ANSWER,
    NO_GATEWAY,
    SERVER_ERROR,
    Answer,
    answer_to,
    cause_in_reason,
    cause_of_status,
    ledger_unavailable,
    try_another,
)
from kemi.directory import open_breaker
from kemi.gateways import living_first
from kemi.steps import step, step_of_dialog
from rating.edges import TIMER_SPARE_S
from rating.journal import boot_clock_us
from rating.model import Authorised, CallRequest, Route
from rating.outcome import LedgerUnavailableError, Refusal

ROUTES = "$avp(routes)"  # the gateways not tried yet, JSON
DNIS = "$avp(dnis)"
INVITE_US = "$avp(invite_us)"
RANG = "$avp(rang)"
FINAL = "$avp(final)"  # status and cause of the last negative reply, for the journal
_ROUTE_FIELDS = tuple(field.name for field in fields(Route))
_HOLD_ID = re.compile(r"[0-9a-f]{32}")


def authorise_caller(request: CallRequest) -> Authorised | None:
    """A hold for a call on the CallerID's card, None: the caller is to be asked for a PIN. Ends the route when the call
    is refused or the ledger is away."""
    with metrics.AUTHORISE.time():
        try:
            outcome = node.core().authorise_caller(request)
        except LedgerUnavailableError as error:
            refuse_unavailable("card", error)
    if isinstance(outcome, Refusal):
        step(request.call_id, "refused", ani=request.ani, dnis=request.dnis, outcome=outcome.value)
    return None if outcome is None else _allowed(outcome, "card")


def claim(hold_id: str) -> Authorised:
    """The hold of a second leg, which belongs to the first call that claims it."""
    if not _HOLD_ID.fullmatch(hold_id):
        refuse_call(Refusal.UNKNOWN_HOLD, "second_leg")
    with metrics.AUTHORISE.time():
        try:
            return _allowed(node.core().claim(hold_id, claimant=ksr.get("$ci") or ""), "second_leg")
        except LedgerUnavailableError as error:
            refuse_unavailable("second_leg", error)


def _allowed(outcome: Authorised | Refusal, kind: str) -> Authorised:
    if isinstance(outcome, Refusal):
        refuse_call(outcome, kind)
    return outcome


def refuse_call(refusal: Refusal, kind: str) -> NoReturn:
    metrics.CALLS.labels(kind, refusal.value).inc()
    refuse(answer_to(refusal))


def refuse_unavailable(kind: str, error: LedgerUnavailableError) -> NoReturn:
    open_breaker()
    ksr.log_error(f"a {kind} call is refused, the ledger is away: {error}")
    metrics.LEDGER_UNAVAILABLE.inc()
    metrics.CALLS.labels(kind, "LEDGER_UNAVAILABLE").inc()
    refuse(ledger_unavailable(node.edge().retry_after_s))


def place(authorised: Authorised, kind: str) -> NoReturn:
    """Makes the dialog with the hold's limit and tries the first gateway. Ends the route."""
    call = running.PlacedCall(authorised.hold_id, authorised.call_id, authorised.limit_s, boot_clock_us())
    if ksr.canceled():
        give_up(call, CANCELLED)
    if not authorised.routes:
        give_up(call, NO_GATEWAY)
    ksr.set_text(DNIS, authorised.dnis)
    ksr.set_text(ROUTES, packed(living_first(authorised.routes)[: node.edge().attempts_max]))
    if not media.begin():
        give_up(call, MERGED)
    if not ksr.manage_dialog():
        give_up(call, SERVER_ERROR)
    ksr.set_dialog_timeout(authorised.limit_s + TIMER_SPARE_S)
    running.remember_call(call)
    entrance.remember_nat()
    ksr.set_text(INVITE_US, str(call.invite_us))
    metrics.CALLS.labels(kind, "PLACED").inc()
    step(call.call, "place", kind=kind, ani=authorised.ani, dnis=authorised.dnis, hold=call.hold, limit_s=call.limit_s)
    try_next_gateway()


def give_up(call: running.PlacedCall, answer: Answer) -> NoReturn:
    """Before there is a dialog: the hold is voided by the journal."""
    event = running.bare_event("failed", call, node.settings().node)
    journalled.write_journal({**event, "sip": answer.status, "cause": answer.cause, "carrier_id": 0, "gateway_id": 0})
    step(call.call, "failed", sip=answer.status, cause=answer.cause)
    refuse(answer)


def packed(routes: tuple[Route, ...]) -> str:
    """Their values as JSON lists: asdict copies each value deeply, which is felt at hundreds of calls a second."""
    return json.dumps([[getattr(route, name) for name in _ROUTE_FIELDS] for route in routes])


def next_route() -> Route | None:
    """Takes the best gateway that has not been tried."""
    routes: list[list[Any]] = json.loads(ksr.get(ROUTES) or "[]")
    if not routes:
        return None
    ksr.set_text(ROUTES, json.dumps(routes[1:]))
    return Route(*routes[0])


def gateway_uri(route: Route, dnis: str) -> str:
    """ "sip:192.0.2.7:5060;transport=tcp" with the tech prefix and the number in front of the address."""
    scheme, _, address = route.uri.partition(":")
    return f"{scheme}:{route.prefix}{dnis}@{address}"


def family_of(route: Route) -> str:
    """The family of the gateway's address, as rtpengine names it."""
    return "IP6" if "[" in route.uri else "IP4"


def try_next_gateway() -> NoReturn:
    """Sends the INVITE to the next gateway that it can be sent to; ends the route. Without one left, 503.

    It cannot where a connection is refused, or a certificate is not good.
    """
    while (route := next_route()) is not None:
        if send_to(route):
            done()
        metrics.tried(route.gateway_id, None)
        metrics.FAILOVERS.inc()
    give_up_trying(NO_GATEWAY)


def send_to(route: Route) -> bool:
    """Whether the INVITE is on its way to that gateway."""
    running.remember_attempt(route.carrier_id, route.gateway_id)
    step_of_dialog("try", carrier=route.carrier, gateway=route.gateway_id)
    ksr.set_request_uri(gateway_uri(route, ksr.get(DNIS) or ""))
    ksr.set_timeouts_ms(final=node.edge().pdd_limit_ms, any_reply=node.edge().any_reply_ms)
    if not media.in_request("INVITE", family_of(route) if node.edge().sip6 else ""):
        give_up_trying(media.refused())
    ksr.on_branch("ksr_branch_to_gateway")
    ksr.on_reply("ksr_reply_from_gateway")
    ksr.on_failure("ksr_gateway_failed")
    return ksr.relay()


def dress_for_gateway() -> None:
    """What a gateway gets to see: none of our headers, no identity that was to be withheld, our media address.

    Record-Route is added here, too: what an async worker adds before the relay is lost for the second attempt.
    """
    ksr.record_route()
    ksr.remove_headers("^X-Cardswitch-")
    if wants_privacy():
        ksr.remove_headers("^(P-Asserted-Identity|P-Preferred-Identity|Remote-Party-ID)$")


def wants_privacy() -> bool:
    return ksr.get("$avp(privacy)") == "1"


def hear_gateway() -> None:
    """A reply of a gateway: media, post-dial delay, and the longer patience once it rings."""
    status = ksr.reply_status()
    media.in_reply(status)
    if status >= 180 and not 200 <= status < 300:  # of those the answer tells
        step_of_dialog("reply", status=status)
    if 180 <= status < 300 and not ksr.get(RANG):
        note_ringing()
        if status < 200:
            ksr.set_timeouts_ms(final=node.edge().ring_limit_ms, any_reply=node.edge().any_reply_ms)
    if status >= 300:
        metrics.REPLIES.labels(str(status)).inc()
        cause = cause_in_reason(ksr.header("Reason"))
        remember_final(status, cause or cause_of_status(status))
        if not cause:
            ksr.append_header(f"Reason: Q.850;cause={cause_of_status(status)}")


def remember_final(status: int, cause: int) -> None:
    """A call that the caller gave up stays one, whatever a gateway says to the CANCEL."""
    if ksr.canceled():
        status, cause = CANCELLED.status, CANCELLED.cause
    ksr.set_text(FINAL, f"{status} {cause}")


def note_ringing() -> None:
    ksr.set_text(RANG, "1")
    pdd_ms = (boot_clock_us() - int(ksr.get(INVITE_US) or boot_clock_us())) // 1000
    running.remember_ringing(pdd_ms)
    metrics.PDD.observe(pdd_ms / 1000)


def after_failure() -> None:
    """The last gateway tried has failed: the next one, or the answer for the caller."""
    if ksr.canceled():
        remember_final(CANCELLED.status, CANCELLED.cause)
        done()
    status, rang = ksr.failure_status(), ksr.get(RANG) is not None
    metrics.tried(running.attempt_of_dialog()[1], None if status == 408 and not rang else status)
    if try_another(status, rang=rang):
        if (ksr.get(ROUTES) or "[]") != "[]":
            metrics.FAILOVERS.inc()
            try_next_gateway()
        give_up_trying(NO_GATEWAY)  # tm would make a 500 of a gateway's 503
    if rang and status == 408:  # our own ring limit
        give_up_trying(NO_ANSWER)


def give_up_trying(answer: Answer) -> NoReturn:
    remember_final(answer.status, answer.cause)
    refuse(answer)
