"""Errors as programs get them: ``application/problem+json`` (RFC 9457), everywhere under /api and /webhooks."""

from typing import Any

from starlette.responses import JSONResponse, Response

from rating.outcome import Refusal

PROBLEM_JSON = "application/problem+json"

# What of the ledger's outcomes means "there is no such thing"; all others are conflicts with how things stand.
NOT_FOUND = frozenset({Refusal.UNKNOWN_CARD, Refusal.UNKNOWN_HOLD})

TITLES = {
    400: "The request cannot be understood",
    401: "A valid token is needed",
    403: "Not allowed",
    404: "There is no such thing",
    405: "That cannot be done here",
    409: "It conflicts with how things stand",
    411: "The length of the content must be given",
    413: "Too large",
    415: "This type of content is not understood",
    421: "This host is not served here",
    422: "Something in the request is not valid",
    429: "Too many requests",
    500: "Something went wrong on our side",
    503: "The ledger does not answer",
}


class Problem(Exception):  # noqa: N818 - what RFC 9457 calls it
    """Ends a request. ``code`` is for programs ("NO_CREDIT"), ``detail`` for people; both are shown."""

    def __init__(
        self, status: int, detail: str, *, code: str = "", headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.code, self.headers, self.more = status, detail, code, headers or {}, more

    @classmethod
    def of_refusal(cls, refusal: Refusal) -> "Problem":
        status = 404 if refusal in NOT_FOUND else 409
        return cls(status, REFUSALS.get(refusal, str(refusal)), code=refusal.value)


REFUSALS = {
    Refusal.UNKNOWN_CARD: "There is no such card.",
    Refusal.UNKNOWN_HOLD: "There is no such call.",
    Refusal.NO_CREDIT: "Less than that is available on the card.",
    Refusal.ANI_TAKEN: "The number is on another card, or the card has as many as its product allows.",
    Refusal.BAD_NUMBER: "That is not a telephone number: 3 to 15 digits, with the country code, without +.",
    Refusal.NOT_REFILLABLE: "This card cannot be refilled.",
    Refusal.NO_RATE: "No prefix of the deck matches this number.",
    Refusal.BLOCKED_DESTINATION: "Calls to this number are blocked.",
}


def problem_response(problem: Problem) -> Response:
    content = {
        "type": "about:blank",
        "title": TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "detail": problem.detail,
        **({"code": problem.code} if problem.code else {}),
        **problem.more,
    }
    return JSONResponse(content, problem.status, problem.headers, media_type=PROBLEM_JSON)
