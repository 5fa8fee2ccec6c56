"""What every request passes first: the Host check, limits on rate and size; and what every response carries."""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from console.web.limits import RateLimit
from console.web.problems import Problem, problem_response
from console.web.settings import WebSettings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

LOG = logging.getLogger("cardswitch.console")
BODY_MAX = 256 * 1024
UPLOAD_MAX = 64 * 1024 * 1024  # a rate deck of a million rows
UPLOAD_PATHS = frozenset({"/decks/import", "/api/v1/decks/imports"})

# No script or style but our own files, nothing framed, nothing sent elsewhere. The referrer stays within the site: with
# "no-referrer" Chromium sends forms with "Origin: null", which the check of the origin would have to refuse.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
    (b"x-frame-options", b"DENY"),
]


class Guard:
    """Wraps the application, outside of everything else."""

    def __init__(self, app: App, settings: WebSettings) -> None:
        self._app, self._settings = app, settings
        self._limit = RateLimit(settings.requests_per_s, settings.burst)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        guarded = self._with_headers(send, scope["path"])
        problem = self._problem(scope)
        if problem is not None:
            await problem_response(problem)(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)

    def _problem(self, scope: MutableMapping[str, Any]) -> Problem | None:
        headers = dict(scope["headers"])
        if headers.get(b"host", b"").decode("latin-1").lower() not in self._settings.hosts:
            return Problem(421, f"This console is at {self._settings.url}.")
        address = scope["client"][0] if scope.get("client") else ""
        wait_s = self._limit.wait_s(address)
        if wait_s:
            return Problem(429, "Slow down.", headers={"Retry-After": str(int(wait_s) + 1)})
        return _size_problem(scope["method"], scope["path"], headers)

    def _with_headers(self, send: Send, path: str) -> Send:
        more = list(HEADERS)
        if self._settings.secure:
            more.append((b"strict-transport-security", b"max-age=31536000"))
        if not path.startswith("/static/"):
            more.append((b"cache-control", b"no-store"))

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message.get("headers", [])}
                message["headers"] = [*message.get("headers", []), *(pair for pair in more if pair[0] not in given)]
            await send(message)

        return guarded


def _size_problem(method: str, path: str, headers: dict[bytes, bytes]) -> Problem | None:
    length = headers.get(b"content-length", b"")
    if method in {"GET", "HEAD", "OPTIONS"} and not length and b"transfer-encoding" not in headers:
        return None
    if b"transfer-encoding" in headers:
        return Problem(411, "Send a Content-Length.")
    if length and not length.isdigit():
        return Problem(400, "Content-Length is not a number.")
    most = UPLOAD_MAX if path in UPLOAD_PATHS else BODY_MAX
    if int(length or 0) > most:
        return Problem(413, f"At most {most} bytes are taken here.")
    return None
