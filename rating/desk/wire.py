"""What is said between a process and the desk: one JSON list a message, over a unix socket that keeps messages apart.

| message | content |
|---|---|
| request | the sender's monotonic clock in µs, then the fields of ``CallRequest`` |
| answer | the request's hold id, ``AUTHORISED``, ``REFUSED``, ``ASK_PIN``, ``UNAVAILABLE``, ``FAILED``, what it says |
"""

import json
from typing import Any

from rating.authorising import Answer
from rating.model import Authorised, CallRequest, Route
from rating.outcome import LedgerUnavailableError, Refusal

AUTHORISED, REFUSED, ASK_PIN, UNAVAILABLE, FAILED = "authorised", "refused", "ask_pin", "unavailable", "failed"
MESSAGE_MAX_BYTES = 65_536


class DeskError(Exception):
    """The desk could not deal with a request: a bug, there or here."""


def pack_request(request: CallRequest, sent_us: int) -> bytes:
    return json.dumps(
        [
            sent_us,
            request.hold_id,
            request.call_id,
            request.card_id,
            request.dnis,
            request.ani,
            request.trunk,
            request.access_number,
            request.attestation,
            request.language,
            request.node,
        ]
    ).encode()


def unpack_request(data: bytes) -> tuple[CallRequest, int]:
    """The request and when it was sent. Raises ValueError, TypeError."""
    sent_us, *fields = json.loads(data)
    return CallRequest(*fields), sent_us


def pack_answer(hold_id: str, answer: Answer | Exception) -> bytes:
    return json.dumps([hold_id, *_said(answer)]).encode()


def _said(answer: Answer | Exception) -> list[Any]:
    match answer:
        case Authorised():
            routes = [[each.carrier_id, each.carrier, each.gateway_id, each.uri, each.prefix] for each in answer.routes]
            fields = [
                answer.hold_id,
                answer.call_id,
                answer.card_id,
                answer.dnis,
                answer.ani,
                answer.limit_s,
                answer.held_micros,
                answer.available_micros,
                answer.currency,
                answer.language,
                answer.warning_s,
                answer.destination,
            ]
            return [AUTHORISED, fields, routes]
        case Refusal():
            return [REFUSED, answer.value]
        case None:
            return [ASK_PIN]
        case LedgerUnavailableError():
            return [UNAVAILABLE, str(answer)]
    return [FAILED, type(answer).__name__]  # its text is in the desk's log


def unpack_answer(hold_id: str, data: bytes) -> Answer:
    """The answer to the request of that hold. Raises LedgerUnavailableError, DeskError."""
    answered, said, *content = json.loads(data)
    if answered != hold_id:
        raise DeskError("an answer to another request")
    match said:
        case "authorised":
            fields, routes = content
            return Authorised(*[*fields, tuple([Route(*route) for route in routes])])
        case "refused":
            return Refusal(content[0])
        case "ask_pin":
            return None
        case "unavailable":
            raise LedgerUnavailableError(content[0])
    raise DeskError(f"the desk failed: {content}")
