"""The routing of the edge, in the order in which a call goes. Loaded by app_python3 (``kamailio/python.cfg``).

Each callback is a list of steps. A step that has dealt with the message ends the route by raising ``Answered``
(kemi/answer.py); any other exception is a bug: it is logged and counted, and a request gets a 500.
"""

import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import NoReturn

from kemi import (
    attestation,
    callers,
    dialogs,
    directory,
    entrance,
    gateways,
    ivr,
    journalled,
    ksr,
    metrics,
    node,
    place,
    steps,
    web,
)
from kemi.answer import Answered, done, refuse
from kemi.callers import Caller
from kemi.causes import SERVER_ERROR, UNKNOWN_SOURCE, ledger_unavailable
from rating.model import CallRequest, Card
from rating.numbers import normalise_dnis
from rating.outcome import LedgerUnavailableError, Refusal

TRUNK = "$avp(trunk)"
MEDIA_SERVER = "mediasrv"  # no trunk: the value of TRUNK has "trunk:" in front otherwise

BYE_SETTLES_S = 0.010  # upstream 4169: the reply to the first BYE of ours must not overtake the sending of the second

Callback = Callable[..., int]


def guarded(callback: Callable[..., None]) -> Callback:
    """No exception leaves a callback: Kamailio would give no reply, or keep an HTTP client waiting.

    Kamailio passes its message object, which nothing here needs, and to event callbacks the event's name.
    """

    metrics.ERRORS.labels(callback.__name__)  # shown as 0 from the start: an alert must see the first one come

    @wraps(callback)
    def safe(self: "Edge", _message: object, *event: str) -> int:
        try:
            callback(self, *event)
        except Answered:
            pass
        except Exception:  # whatever it is, the next message must be served
            metrics.ERRORS.labels(callback.__name__).inc()
            ksr.log_error(f"{callback.__name__}: {traceback.format_exc()}")
            self.apologise(callback.__name__)
        steps.write()
        return 1

    return safe


class Edge:
    """The object whose methods Kamailio calls. One in each process, made before the fork."""

    def __init__(self) -> None:
        self.directory = directory.Cache()
        self._probes: gateways.Probes | None = None

    def child_init(self, _rank: int) -> int:
        return 0

    # -- a request, in a SIP worker: nothing here may wait

    @guarded
    def ksr_request_route(self) -> None:
        method = ksr.method()
        entrance.check_limits(node.edge())
        entrance.pass_cancel(method)
        entrance.skip_retransmission(method)
        dialogs.follow(method)
        origin = self.identify_source()
        takes_calls = self.directory.ready and not directory.draining()
        entrance.answer_probe(method, ready=takes_calls, retry_after_s=node.edge().retry_after_s)
        entrance.only_invites(method)
        self.check_ledger()
        if directory.draining() and origin != MEDIA_SERVER:  # a caller who is in the IVR already may still be connected
            refuse(ledger_unavailable(node.edge().retry_after_s), stateful=False)
        if origin is None:
            metrics.CALLS.labels("unknown", "UNKNOWN_SOURCE").inc()
            refuse(UNKNOWN_SOURCE, stateful=False)
        entrance.mend_nat(method)
        ksr.set_text(TRUNK, origin)
        self.hand_over()

    def identify_source(self) -> str | None:
        """Whose request it is, by address: the media server, a trunk, or None, a stranger."""
        source = ksr.source()
        if ivr.is_media_server(source):
            return MEDIA_SERVER
        trunk = self.directory.current().trunk_of(source[0])
        if trunk is None:
            entrance.check_stranger()
            return None
        return f"trunk:{trunk.name}"

    def check_ledger(self) -> None:
        """With the ledger away, or never seen yet, a new call is refused at once."""
        self.directory.current()
        if directory.breaker_open() or journalled.is_full() or not self.directory.ready:
            metrics.LEDGER_UNAVAILABLE.inc()
            refuse(ledger_unavailable(node.edge().retry_after_s), stateful=False)

    def hand_over(self) -> NoReturn:
        """From here on the ledger is asked, which may take its time: in another process."""
        ksr.new_transaction()
        ksr.reply(100, "Trying")
        if not ksr.run_in_async_worker("ksr_place_call"):
            refuse(SERVER_ERROR)
        done()

    # -- a new call, in an async worker

    @guarded
    def ksr_place_call(self) -> None:
        origin = ksr.get(TRUNK) or ""
        if directory.breaker_open():
            refuse(ledger_unavailable(node.edge().retry_after_s))
        if origin == MEDIA_SERVER:
            self.connect_second_leg()
        trunk = self.directory.current().trunk_named(origin.removeprefix("trunk:"))
        if trunk is None:
            refuse(UNKNOWN_SOURCE)
        caller = callers.identify(trunk)
        dnis = self.dialled(caller)
        caller = self.attested(caller, dnis)
        access = self.directory.current().access_numbers.get(dnis)
        if access is not None:
            card = self.card_of(caller)
            ivr.send(caller, access, card_id=card.card_id if card else None, dnis=dnis)
        if caller.trusted and caller.ani is not None:
            self.place_direct(caller, dnis)
        self.ask_for_pin(caller, dnis)

    def connect_second_leg(self) -> NoReturn:
        place.place(place.claim(ksr.header("X-Cardswitch-Hold") or ""), "second_leg")

    def dialled(self, caller: Caller) -> str:
        """The number called, E.164 digits."""
        number = ksr.get("$rU") or ""
        if number.lstrip("+") in self.directory.current().access_numbers:
            return number.lstrip("+")
        dnis = normalise_dnis(number, caller.trunk.country)
        if isinstance(dnis, Refusal):
            place.refuse_call(dnis, "card")
        return dnis

    def attested(self, caller: Caller, dnis: str) -> Caller:
        """With what the signature says; a CallerID whose signature does not hold is not believed, on any trunk."""
        level = attestation.verify(ksr.header("Identity"), caller.ani, dnis, node.edge().certificates_dir)
        if level:
            metrics.ATTESTATIONS.labels(level).inc()
        if level == attestation.FAILED:
            return replace(caller, trusted=False)
        return replace(caller, attestation=level)

    def card_of(self, caller: Caller) -> Card | None:
        """The card a trusted CallerID is registered on, None when its product wants it better attested.

        Ends the route when the card may not be used.
        """
        if not caller.trusted or caller.ani is None:
            return None
        try:
            card = node.core().card_by_ani(caller.ani)
        except LedgerUnavailableError as error:
            place.refuse_unavailable("card", error)
        if isinstance(card, Refusal):
            place.refuse_call(card, "card")
        if card and not card.product.believes(caller.attestation):
            return None
        return card

    def ask_for_pin(self, caller: Caller, dnis: str) -> NoReturn:
        access = self.directory.current().access_number_for(caller.trunk.country)
        if access is None:
            place.refuse_call(Refusal.UNKNOWN_CARD, "card")
        ivr.send(caller, access, card_id=None, dnis=dnis)

    def place_direct(self, caller: Caller, dnis: str) -> None:
        """Places the call on the card that the CallerID is registered on: card and hold in one round trip. Returns when
        it is on none, or its product wants it better attested."""
        request = CallRequest(
            hold_id=ivr.new_call_id(),
            call_id=ivr.new_call_id(),
            card_id=0,
            dnis=dnis,
            ani=caller.ani,
            trunk=caller.trunk.name,
            attestation=caller.attestation,
            node=node.settings().node,
        )
        authorised = place.authorise_caller(request)
        if authorised is None:
            return
        if caller.privacy:
            ksr.set_text("$avp(privacy)", "1")
        place.place(authorised, "card")

    # -- on the way to the far end, and back

    @guarded
    def ksr_branch_to_gateway(self) -> None:
        place.dress_for_gateway()

    @guarded
    def ksr_reply_from_gateway(self) -> None:
        place.hear_gateway()

    @guarded
    def ksr_gateway_failed(self) -> None:
        place.after_failure()

    @guarded
    def ksr_branch_to_media_server(self) -> None:
        ivr.dress_for_media_server()

    @guarded
    def ksr_media_server_failed(self) -> None:
        ivr.after_failure()

    @guarded
    def ksr_reply_in_dialog(self) -> None:
        dialogs.hear_far_end()

    @guarded
    def ksr_reply_route(self) -> None:
        method = ksr.method()
        if method == "INVITE":
            if dialogs.answered_for_nothing():
                ksr.drop()
        elif method == "BYE" and ksr.reply_to_own_request():
            time.sleep(BYE_SETTLES_S)

    # -- a call's life

    @guarded
    def ksr_own_request(self, *_: str) -> None:
        dialogs.tell_why()

    @guarded
    def ksr_dialog_event(self, name: str) -> None:
        dialogs.event(name)

    # -- the rest

    @guarded
    def ksr_refresh_directory(self, *_: str) -> None:
        journalled.write_what_waits()
        directory.refresh(node.core())
        self.probes().refresh(node.core())

    def probes(self) -> gateways.Probes:
        """Made in the one process that needs it."""
        if self._probes is None:
            self._probes = gateways.Probes()
        return self._probes

    @guarded
    def ksr_xhttp_event(self, *_: str) -> None:
        web.answer()

    def apologise(self, callback: str) -> None:
        """After a bug in ``callback``: whoever waits for an answer gets one."""
        if callback == "ksr_request_route" and not ksr.is_method("ACK"):
            ksr.reply_stateless(SERVER_ERROR.status, SERVER_ERROR.reason)
        elif callback in ("ksr_place_call", "ksr_gateway_failed"):
            ksr.reply(SERVER_ERROR.status, SERVER_ERROR.reason)
        elif callback == "ksr_xhttp_event":
            ksr.http_reply(500, "Internal Server Error", "text/plain", "see the log\n")


def mod_init() -> Edge:
    """Called by Kamailio once, before it forks."""
    return Edge()
