"""The caller's leg to the media server, and telling the media server's own calls from others."""

import json
import os
from typing import NoReturn

from kemi import entrance, ksr, media, metrics, node
from kemi.answer import done, refuse
from kemi.callers import Caller
from kemi.causes import MERGED, NO_MEDIA_SERVER
from kemi.launch import MEDIASRV_GROUP
from kemi.steps import step
from rating.model import AccessNumber

FULL = 486
HEADERS = "$avp(xheaders)"  # what the media server is told, JSON


def is_media_server(source: tuple[str, int]) -> bool:
    """Whether a request comes from a media server's own address and port."""
    return source in node.media_server_addresses()


def new_call_id() -> str:
    return os.urandom(16).hex()


def headers_for(caller: Caller, access: AccessNumber, call_id: str, card_id: int | None, dnis: str) -> list[str]:
    """The X-Cardswitch headers of a first leg."""
    lines = [
        f"X-Cardswitch-Call: {call_id}",
        f"X-Cardswitch-Access: {access.number}",
        f"X-Cardswitch-Trunk: {caller.trunk.name}",
        f"X-Cardswitch-Ani-Trusted: {'yes' if caller.trusted else 'no'}",
    ]
    if caller.ani:
        lines.append(f"X-Cardswitch-Ani: {caller.ani}")
    if card_id is not None:
        lines.append(f"X-Cardswitch-Card: {card_id}")
    if caller.attestation:
        lines.append(f"X-Cardswitch-Attestation: {caller.attestation}")
    if dnis != access.number:
        lines.append(f"X-Cardswitch-Dnis: {dnis}")
    return lines


def send(caller: Caller, access: AccessNumber, *, card_id: int | None, dnis: str) -> NoReturn:
    """Sends the call to a live media server; ends the route."""
    call_id = new_call_id()
    ksr.set_text(HEADERS, json.dumps(headers_for(caller, access, call_id, card_id, dnis)))
    ksr.set_request_uri(f"sip:{access.number}@{node.near().media_servers[0]}")
    if not ksr.select_destination(MEDIASRV_GROUP):
        metrics.CALLS.labels("ivr", "NO_MEDIA_SERVER").inc()
        refuse(NO_MEDIA_SERVER)
    if not media.begin():
        refuse(MERGED)
    ksr.manage_dialog()
    ksr.set_dialog_timeout(node.edge().ivr_longest_s)
    entrance.remember_nat()
    metrics.CALLS.labels("ivr", "PLACED").inc()
    step(call_id, "ivr", trunk=caller.trunk.name, ani=caller.ani, access=access.number)
    relay()


def relay() -> NoReturn:
    if not media.in_request("INVITE"):
        refuse(media.refused())
    ksr.on_branch("ksr_branch_to_media_server")
    ksr.on_reply("ksr_reply_in_dialog")
    ksr.on_failure("ksr_media_server_failed")
    ksr.set_timeouts_ms(final=node.edge().ring_limit_ms, any_reply=node.edge().any_reply_ms)
    if not ksr.relay():
        refuse(NO_MEDIA_SERVER)
    done()


def dress_for_media_server() -> None:
    """Removes what the outside may have forged, then adds what we know."""
    ksr.record_route()
    ksr.remove_headers("^X-Cardswitch-")
    for line in json.loads(ksr.get(HEADERS) or "[]"):
        ksr.append_header(line)


def after_failure() -> None:
    """A media server that says nothing, cannot, or is full (486) is left for the next; the full one lives."""
    if ksr.canceled():
        done()
    status = ksr.failure_status()
    if status in (408, FULL, 500, 503):
        if status != FULL:
            ksr.mark_destination_failed()
        if ksr.next_destination():
            relay()
        refuse(NO_MEDIA_SERVER)
