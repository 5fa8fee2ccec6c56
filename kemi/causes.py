"""SIP statuses and Q.850 causes: what a refusal becomes for the caller, what a failed attempt means. Pure.

Statuses are chosen so that a carrier's switch does the right thing: 4xx are final, 503 may be tried elsewhere.
"""

from dataclasses import dataclass

from rating.outcome import Refusal

NORMAL_CLEARING = 16
REJECTED = 21
NO_CIRCUIT = 34
TEMPORARY_FAILURE = 41
RECOVERY_ON_TIMER = 102


@dataclass(frozen=True, slots=True)
class Answer:
    """A negative reply. ``cause`` 0: no Reason header; ``retry_after_s`` 0: no Retry-After."""

    status: int
    reason: str
    cause: int = 0
    retry_after_s: int = 0


UNKNOWN_SOURCE = Answer(403, "Forbidden", REJECTED)
NO_MEDIA_SERVER = Answer(503, "Service Unavailable", TEMPORARY_FAILURE, 5)
NO_GATEWAY = Answer(503, "Service Unavailable", NO_CIRCUIT)
NO_MEDIA = Answer(503, "Service Unavailable", TEMPORARY_FAILURE, 5)
NOT_ACCEPTABLE = Answer(488, "Not Acceptable Here", 79)
MERGED = Answer(482, "Request Merged", 25)
NO_ANSWER = Answer(480, "Temporarily Unavailable", 19)
TOO_LARGE = Answer(513, "Message Too Large")
TOO_MANY_HOPS = Answer(483, "Too Many Hops")
NOT_ALLOWED = Answer(405, "Method Not Allowed")
CANCELLED = Answer(487, "Request Terminated", NORMAL_CLEARING)
NO_SUCH_DIALOG = Answer(481, "Call/Transaction Does Not Exist")
BAD_REQUEST = Answer(400, "Bad Request")
SERVER_ERROR = Answer(500, "Server Internal Error", TEMPORARY_FAILURE)


def ledger_unavailable(retry_after_s: int) -> Answer:
    return Answer(503, "Service Unavailable", TEMPORARY_FAILURE, retry_after_s)


_REFUSALS = {
    Refusal.NO_RATE: Answer(404, "Not Found", 3),
    Refusal.NO_CREDIT: Answer(402, "Payment Required", REJECTED),
    Refusal.NO_ROUTE: Answer(503, "No Route", NO_CIRCUIT),
    Refusal.BAD_NUMBER: Answer(484, "Address Incomplete", 28),
    Refusal.BLOCKED_DESTINATION: Answer(403, "Destination Not Allowed", REJECTED),
    Refusal.EMERGENCY: Answer(403, "Emergency Numbers Not Carried", 3),
    Refusal.CARD_EXHAUSTED: Answer(402, "Payment Required", REJECTED),
    Refusal.CALL_LIMIT: Answer(486, "Busy Here", 17),
}


def answer_to(refusal: Refusal) -> Answer:
    """The reply for a refusal of the rating core; what is not in the table is 403, rejected."""
    return _REFUSALS.get(refusal, Answer(403, "Forbidden", REJECTED))


# RFC 3398, section 7.2.6.1, where it names one; local timeouts as "no user responding" and "recovery on timer expiry"
_CAUSES = {
    400: 41,
    401: 21,
    402: 21,
    403: 21,
    404: 1,
    405: 63,
    406: 79,
    407: 21,
    408: 102,
    410: 22,
    413: 127,
    414: 127,
    415: 79,
    416: 127,
    420: 127,
    421: 127,
    423: 127,
    480: 18,
    481: 41,
    482: 25,
    483: 25,
    484: 28,
    485: 1,
    486: 17,
    487: 16,
    488: 79,
    500: 41,
    501: 79,
    502: 38,
    503: 41,
    504: 102,
    505: 127,
    513: 127,
    600: 17,
    603: 21,
    604: 1,
    606: 79,
}


def cause_of_status(status: int) -> int:
    """The Q.850 cause of a final SIP status; 16 for 2xx, 127 (interworking) for what RFC 3398 does not name."""
    return NORMAL_CLEARING if 200 <= status < 300 else _CAUSES.get(status, 127)


def cause_in_reason(reason: str | None) -> int:
    """The Q.850 cause of a Reason header (RFC 3326); 0 when it has none."""
    for value in (reason or "").split(","):
        protocol, *parameters = [part.strip().lower() for part in value.split(";")]
        if protocol == "q.850":
            for parameter in parameters:
                name, _, number = parameter.partition("=")
                if name.strip() == "cause" and number.strip().isdigit():
                    return int(number)
    return 0


def try_another(status: int, *, rang: bool) -> bool:
    """Whether another gateway may succeed where one answered ``status``.

    A callee that was reached (it rang, is busy, declined) is reached through any gateway: no further attempt.
    """
    return not rang and (status in (408, 480) or 500 <= status < 600)
