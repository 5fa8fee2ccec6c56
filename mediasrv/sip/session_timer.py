"""Session timers (RFC 4028): what the headers agree on, and the clock that keeps to it.

Who refreshes is named from the point of view of one request: "uac" sent it, "uas" answered it.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from mediasrv.sip.message import Message, Request, options_of

MIN_SE_S = 90  # RFC 4028 4
_EXPIRES = re.compile(r"\s*(\d{1,10})\s*(?:;.*?\brefresher\s*=\s*(uac|uas))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Terms:
    """``interval_s`` seconds between refreshes; ``refresher`` "uac", "uas", or "" when the request leaves it open."""

    interval_s: int
    refresher: str = ""

    @classmethod
    def of(cls, message: Message) -> "Terms | None":
        """The Session-Expires of a message, None when it has none (or none that can be read)."""
        found = _EXPIRES.match(message.header("session-expires") or "")
        return cls(int(found[1]), (found[2] or "").lower()) if found else None

    def __str__(self) -> str:
        return f"{self.interval_s};refresher={self.refresher}" if self.refresher else str(self.interval_s)


def too_small(request: Request) -> bool:
    """To be refused with 422 and Min-SE (RFC 4028 9)."""
    terms = Terms.of(request)
    return terms is not None and terms.interval_s < MIN_SE_S


def terms_for(request: Request) -> Terms | None:
    """What we answer to a request (RFC 4028 9): we ask for no timer of our own; the far side refreshes if it can."""
    terms = Terms.of(request)
    if terms is None:
        return None
    if "timer" not in options_of(request, "supported"):
        return Terms(terms.interval_s, "uas")
    return Terms(terms.interval_s, terms.refresher or "uac")


def headers_of(terms: Terms | None) -> list[tuple[str, str]]:
    """The headers of our 2xx."""
    if terms is None:
        return []
    required = [("Require", "timer")] if terms.refresher == "uac" else []
    return [*required, ("Session-Expires", str(terms))]


def silence_s(terms: Terms) -> float:
    """How long without a refresh until the session is taken for dead (RFC 4028 10)."""
    return terms.interval_s - min(32.0, terms.interval_s / 3)


class SessionTimer:
    """Calls ``refresh`` at half the interval where that is our task, ``expired`` where theirs was not done."""

    def __init__(self, refresh: Callable[[], Coroutine[Any, Any, None]], expired: Callable[[], None]) -> None:
        self._refresh, self._expired = refresh, expired
        self._handle: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._terms: Terms | None = None
        self._ours = False

    def agreed(self, terms: Terms | None, *, we_asked: bool) -> None:
        """After each 2xx of INVITE or UPDATE; ``we_asked``: the request was ours. None: no timer from now on."""
        self.stop()
        self._terms = terms
        if terms is None:
            return
        self._ours = (terms.refresher == "uac") == we_asked
        loop = asyncio.get_running_loop()
        if self._ours:
            self._handle = loop.call_later(terms.interval_s / 2, self._start)
        else:
            self._handle = loop.call_later(silence_s(terms), self._expired)

    def request_headers(self) -> list[tuple[str, str]]:
        """Of our requests that refresh: the interval agreed on, the same side as refresher."""
        headers = [("Supported", "timer")]
        if self._terms is None:
            return headers
        return [*headers, ("Session-Expires", f"{self._terms.interval_s};refresher={'uac' if self._ours else 'uas'}")]

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._refresh())
