"""The SIP stack: sippy's parser and transactions (RFC 3261 17) on asyncio. The only module that imports sippy.

What is sippy's: messages, transactions, retransmissions, CANCEL, matching. What is not: sockets, timers, threads and
printing. sippy's own event loop (ED2) never runs: its transaction manager takes a socket class (``model_udp_server``)
and asks one function for timers, and both are given asyncio's. So everything happens in asyncio's one thread.
See docs/decisions/sip-stack.md.
"""

import asyncio
import ipaddress
import logging
import re
import socket
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sippy import SipMsg as sippy_messages  # noqa: N813  modules all four
from sippy import SipRequest as sippy_requests  # noqa: N813
from sippy import SipTransactionManager as sippy_transactions  # noqa: N813
from sippy import SipURL as sippy_urls  # noqa: N813
from sippy.MsgBody import MsgBody
from sippy.SipCallId import SipCallId
from sippy.SipContact import SipContact
from sippy.SipContentType import SipContentType
from sippy.SipFrom import SipFrom
from sippy.SipGenericHF import SipGenericHF
from sippy.SipHeader import SipHeader
from sippy.SipRequest import SipRequest
from sippy.SipRoute import SipRoute
from sippy.SipTo import SipTo
from sippy.SipURL import SipURL
from sippy.Time.MonoTime import MonoTime
from sippy.Udp_server import Udp_server_opts

from mediasrv.sip.message import SDP, Headers, Message, Request, Response, uri_of
from mediasrv.sip.text import tidy, to_datagram, to_text

Address = tuple[str, int]

log = logging.getLogger("mediasrv.sip")

_STATUS = re.compile(r"SIP/2\.0 [1-6]\d\d[ \r\n]")
_COMPACT = {"k": "supported", "x": "session-expires"}  # RFC 3261 7.3.3; sippy knows the others
_PRODUCT = "Cardswitch"
_DATAGRAMS_A_WAKE = 64
_RECEIVE_BUFFER_BYTES = 4 << 20


class StackUser(Protocol):
    """Who is told of requests outside of transactions that we began."""

    def received(self, request: Request, transaction: "ServerTransaction") -> None: ...


class _Timer:
    """What sippy's ``Timeout(callback, seconds, ticks, *parameters)`` returns; ``ticks`` −1: again and again."""

    def __init__(self, callback: Any, seconds: float, ticks: int = 1, *parameters: Any) -> None:
        self._callback, self._seconds, self._again, self._parameters = callback, seconds, ticks == -1, parameters
        self._handle = asyncio.get_running_loop().call_later(seconds, self._fire)

    def _fire(self) -> None:
        if self._callback.__self__.global_config is None:  # its transaction manager was shut down
            return
        if self._again:
            self._handle = asyncio.get_running_loop().call_later(self._seconds, self._fire)
        self._callback(*self._parameters)

    def cancel(self) -> None:
        self._handle.cancel()


def _report(*_: Any, **__: Any) -> None:
    """In place of sippy's ``dump_exception`` and ``print``: what they print is the message, and that may be an INFO
    with a digit of a PIN."""
    log.debug("sippy has something to say of a message")


sippy_transactions.Timeout = _Timer
sippy_transactions.dump_exception = _report
for _module in (sippy_transactions, sippy_messages, sippy_requests, sippy_urls):
    _module.print = _report


class _NoLog:
    """sippy logs every message through this; bodies may be digits of a PIN."""

    def write(self, *_: Any, **__: Any) -> None:
        pass


class _Socket:
    """One UDP socket on asyncio's loop, with the face of sippy's ``Udp_server`` (which would start six threads)."""

    transport = "udp"

    def __init__(self, _config: Any, options: Any) -> None:
        self.uopts = options
        family = socket.AF_INET6 if ":" in options.laddress[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        try:
            self._socket.bind(options.laddress)
        except OSError:
            self._socket.close()
            raise
        options.laddress = self._socket.getsockname()[:2]
        asyncio.get_running_loop().add_reader(self._socket, self._readable)

    def getSIPaddr(self) -> tuple[Address, str]:  # noqa: N802  sippy's name
        return self.uopts.laddress, self.transport

    def addr2str(self, address: Address) -> str:
        return f"udp:{address[0]}:{address[1]}"

    def send_to(self, data: str, address: Address) -> None:
        try:
            self._socket.sendto(to_datagram(data), address)
        except (OSError, OverflowError) as error:  # as if lost on the way: the transaction repeats it, or times out
            log.warning("cannot send to %s:%s: %s", address[0], address[1], error)

    def _readable(self) -> None:
        for _ in range(_DATAGRAMS_A_WAKE):
            try:
                datagram, address = self._socket.recvfrom(65535)
            except BlockingIOError:
                return
            except OSError:  # ICMP errors of what we sent before
                continue
            self._take(datagram, address[:2])

    def _take(self, datagram: bytes, address: Address) -> None:
        text = tidy(to_text(datagram))
        if text.startswith("SIP/2.0 ") and not _STATUS.match(text):
            return
        source = sippy_transactions.Remote_address(address, self.transport)
        try:
            self.uopts.data_callback(text, source, self, MonoTime())
        except Exception as error:  # a message that the library cannot take must not end the process
            log.warning("message from %s:%s not understood: %s", *address, type(error).__name__)

    def shutdown(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


class _Transactions(sippy_transactions.SipTransactionManager):  # type: ignore[misc]
    model_udp_server = (_Socket, Udp_server_opts)


def _headers_of(message: Any) -> Headers:
    return tuple((_COMPACT.get(header.name, header.name), str(header.body)) for header in message.headers)


def _body_of(message: Any) -> tuple[str, str]:
    """(body, content type in lower case without parameters)."""
    if message.body is None:
        return "", ""
    kind = str(message.body.mtype)
    return str(message.body.content), kind


def _request_of(message: Any) -> Request:
    body, kind = _body_of(message)
    cseq, _ = message.getHFBody("cseq").getCSeq()
    for name in ("from", "to", "contact", "record-route"):  # what answers are made of is read now or never;
        for header in message.getHFs(name):
            if not header.body.parsed:
                header.body.getCopy().parse()  # of a copy: once parsed, it is respelled
    body, kind = _session_part(body, kind)
    return Request(_headers_of(message), body, kind, message.method, str(message.ruri), message.getSource(), cseq)


def _response_of(message: Any) -> Response:
    body, kind = _session_part(*_body_of(message))
    return Response(_headers_of(message), body, kind, message.scode, message.reason)


def _end_transaction(transaction: Any) -> None:
    """Takes its timers away; sippy then forgets it (a request without an answer has no other end there)."""
    for name in ("teA", "teD", "teE", "teF"):
        if (timer := getattr(transaction, name)) is not None:
            timer.cancel()
            setattr(transaction, name, None)


def _session_part(body: str, kind: str) -> tuple[str, str]:
    """Of a multipart body (RFC 5621) its session description, else the body as it is; the type is made plain."""
    plain = kind.partition(";")[0].strip().lower()
    boundary = re.search(r'boundary\s*=\s*"?([^";]+)', kind)
    if not plain.startswith("multipart/") or not boundary:
        return body, plain
    for part in body.split("--" + boundary[1]):
        head, _, content = part.lstrip("\r\n").partition("\r\n\r\n")
        if re.search(r"^(?:content-type|c)\s*:\s*application/sdp", head, re.IGNORECASE | re.MULTILINE):
            return content.removesuffix("\r\n"), "application/sdp"
    return body, plain


class _Verbatim(SipGenericHF):  # type: ignore[misc]
    """A header as it was given; sippy would write "X-cardswitch-hold"."""

    def __init__(self, value: str, name: str) -> None:
        super().__init__(value)
        self._name = name

    def getCanName(self, name: str, compact: bool = False) -> str:  # noqa: N802, ARG002
        return self._name

    def getCopy(self) -> "_Verbatim":  # noqa: N802
        return _Verbatim(self.body, self._name)


def _sippy_headers(headers: Sequence[tuple[str, str]]) -> list[Any]:
    for name, value in headers:
        if "\r" in value or "\n" in value:
            raise ValueError(f"a line break in the header {name}")
    return [SipHeader(name=name, body=_Verbatim(value, name)) for name, value in headers]


def _sippy_body(body: str, kind: str) -> Any:
    return MsgBody(body, SipContentType(kind)) if body else None


class ServerTransaction:
    """A request from the far side that waits for our response."""

    def __init__(self, stack: "SipStack", transaction: Any, message: Any) -> None:
        self._stack, self._transaction, self._message = stack, transaction, message
        self.finished = False
        self.on_cancel: Callable[[Request | None], None] = lambda _: None
        self.on_ack: Callable[[Request], None] = lambda _: None
        self.on_no_ack: Callable[[], None] = lambda: None

    def respond(
        self,
        status: int,
        reason: str,
        *,
        tag: str = "",
        headers: Sequence[tuple[str, str]] = (),
        body: str = "",
        kind: str = SDP,
    ) -> None:
        """Sends a response; after a final one, or a CANCEL, further ones are not sent."""
        if self.finished:
            return
        response = self._message.genResponse(status, reason, server=_PRODUCT)
        if tag:
            response.getHFBody("to").setTag(tag)
        response.appendHeaders(_sippy_headers(headers))
        response.setBody(_sippy_body(body, kind))
        self.finished = status >= 200
        self._stack.transactions.sendResponse(response, self._transaction, ack_cb=self._acknowledged)

    def answer_cancel_with(self, tag: str) -> None:
        """The To tag of the 487 that sippy sends by itself when a CANCEL comes."""
        if self._transaction.r487 is not None:
            self._transaction.r487.getHFBody("to").setTag(tag)

    def _cancelled(self, _rtime: Any, request: Any) -> None:
        self.finished = True
        self.on_cancel(None if request is None else _request_of(request))

    def _acknowledged(self, message: Any) -> None:
        self.on_ack(_request_of(message))

    def _not_acknowledged(self) -> None:
        self.on_no_ack()


class ClientTransaction:
    """A request of ours; ``on_response`` gets every response, 408 when none came."""

    def __init__(self, stack: "SipStack", on_response: Callable[[Response], None]) -> None:
        self._stack, self._on_response = stack, on_response
        self._transaction: Any = None
        self.request: Any = None

    def begin(self, request: Any) -> None:
        self.request = request
        self._transaction = self._stack.transactions.newTransaction(request, self._received, cb_ifver=2)

    def cancel(self, reason: str = "") -> None:
        """CANCEL, held back by sippy until a provisional response came (9.1)."""
        extra = _sippy_headers([("Reason", reason)]) if reason else None
        self._stack.transactions.cancelTransaction(self._transaction, extra)

    def acknowledge(self, target: str, routes: Sequence[str], body: str = "") -> None:
        """ACK of a 2xx along the dialog's route set. sippy would take it from the response's Record-Route, which the
        response to a re-INVITE need not have (RFC 3261 12.2.1)."""
        ack = self._transaction.ack
        uri = SipURL(target)
        ack.setRURI(uri)
        ack.delHFs("route")
        ack.appendHeaders([SipHeader(name="route", body=SipRoute(route)) for route in routes])
        ack.getHFBody("via").genBranch()
        ack.setBody(_sippy_body(body, SDP))
        hop = self._stack.next_hop(target, routes)
        self._transaction.ack_rAddr = (hop, "udp")
        self._stack.transactions.sendACK(self._transaction)

    def _received(self, message: Any, transaction: Any) -> None:
        response = _response_of(message)
        transaction.uack = transaction.needack and response.status < 300
        if (
            response.status >= 300
        ):  # sippy would send the ACK of a refusal to its Contact; 17.1.1.3: where the INVITE went
            message.delHFs("contact")
            message.delHFs("record-route")
        if response.status < 200:
            self._on_response(response)
        else:  # sippy puts the transaction into the state where it may be acknowledged after this callback
            asyncio.get_running_loop().call_soon(self._on_response, response)


class SipStack:
    """One SIP socket. ``proxy`` takes every request whose next hop is no IP address (we resolve no names)."""

    def __init__(self, address: Address, proxy: Address, user: StackUser) -> None:
        """Binds at once, needs a running loop. Raises OSError when the address cannot be bound; port 0: any."""
        config = {"_sip_address": address[0], "_sip_port": address[1], "_sip_logger": _NoLog()}
        self.transactions = _Transactions(config, self._received)
        (self.address, _) = next(iter(self.transactions.l4r.cache_l2s.values())).getSIPaddr()
        self.proxy = proxy
        self._user = user

    @property
    def host(self) -> str:
        """Our address as it stands in a URI."""
        return f"[{self.address[0]}]" if ":" in self.address[0] else self.address[0]

    @property
    def contact(self) -> str:
        return f"<sip:cardswitch@{self.host}:{self.address[1]}>"

    def close(self) -> None:
        self.transactions.shutdown()

    def request(
        self,
        method: str,
        uri: str,
        *,
        local: str,
        remote: str,
        call_id: str,
        cseq: int,
        routes: Sequence[str] = (),
        next_hop: Address | None = None,
        headers: Sequence[tuple[str, str]] = (),
        body: str = "",
        kind: str = SDP,
        on_response: Callable[[Response], None],
    ) -> ClientTransaction:
        """Sends a request. ``on_response`` is called in the loop's thread, never before this returns."""
        message = SipRequest(
            method=method,
            ruri=SipURL(uri),
            fr0m=SipFrom(local),
            to=SipTo(remote),
            callid=SipCallId(call_id),
            cseq=cseq,
            contact=SipContact(self.contact) if method in ("INVITE", "UPDATE") else None,
            routes=[SipRoute(route) for route in routes],
            target=(next_hop or self.next_hop(uri, routes), "udp"),
            user_agent=_PRODUCT,
        )
        message.delHFs("expires")
        message.appendHeaders(_sippy_headers(headers))
        message.setBody(_sippy_body(body, kind))
        transaction = ClientTransaction(self, on_response)
        transaction.begin(message)
        return transaction

    def next_hop(self, uri: str, routes: Sequence[str]) -> Address:
        """Where a request goes: the first route, else the URI itself; ``proxy`` when that is a name."""
        url = SipURL(uri_of(routes[0]) if routes else uri)
        host = str(url.host)
        try:
            ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            return self.proxy
        return host.strip("[]"), int(url.port or 5060)

    def _received(self, message: Any, transaction: Any) -> Any:
        server = ServerTransaction(self, transaction, message)
        try:
            request = _request_of(message)
        except Exception as error:
            log.info("%s not understood: %s", message.method, type(error).__name__)
            _end_transaction(transaction)
            return None
        try:
            self._user.received(request, server)
        except Exception:
            log.exception("request %s failed", message.method)
            server.respond(500, "Server Internal Error")
        if server.finished and not transaction.needack:
            return None
        return None, server._cancelled, server._not_acknowledged


__all__ = ["Address", "ClientTransaction", "Message", "ServerTransaction", "SipStack", "StackUser"]
