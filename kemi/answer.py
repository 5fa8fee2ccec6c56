"""How a route ends: a step that has dealt with the request raises ``Answered``, caught once, in kemi/route.py."""

from typing import NoReturn

from kemi import ksr
from kemi.causes import Answer


class Answered(Exception):  # noqa: N818 - not an error: the route is over
    """The request has been answered or sent on; there is nothing left to do."""


def done() -> NoReturn:
    raise Answered


def refuse(answer: Answer, *, stateful: bool = True) -> NoReturn:
    """Replies and ends the route. ``stateful``: within the transaction that exists."""
    if answer.cause:
        ksr.append_reply_header(f"Reason: Q.850;cause={answer.cause}")
    if answer.retry_after_s:
        ksr.append_reply_header(f"Retry-After: {answer.retry_after_s}")
    if stateful:
        ksr.reply(answer.status, answer.reason)
    else:
        ksr.reply_stateless(answer.status, answer.reason)
    raise Answered
