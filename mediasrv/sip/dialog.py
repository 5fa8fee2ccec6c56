"""The identity of a dialog (RFC 3261 12): what the requests within it carry. No I/O."""

from dataclasses import dataclass, replace
from secrets import token_hex

from mediasrv.sip.message import Request, Response, tag_of, uri_of


@dataclass(frozen=True, slots=True)
class Dialog:
    """``local`` and ``remote`` are whole From/To values with tags; ``routes`` is the route set, next hop first."""

    call_id: str
    local: str
    remote: str
    target: str  # the remote target: a URI
    routes: tuple[str, ...]
    cseq: int  # of our last request
    remote_cseq: int  # of their last request; 0: none yet

    @property
    def key(self) -> tuple[str, str]:
        """(Call-ID, local tag): enough to find the dialog of a request."""
        return self.call_id, tag_of(self.local)

    def next(self) -> "Dialog":
        """As it is for our next request."""
        return replace(self, cseq=self.cseq + 1)


def new_tag() -> str:
    return token_hex(8)


def with_tag(address: str, tag: str) -> str:
    """A From or To value with a tag; one that it has already stays."""
    if tag_of(address):
        return address
    return f"{address};tag={tag}" if "<" in address else f"<{address}>;tag={tag}"


def of_incoming(invite: Request, tag: str) -> Dialog:
    """The dialog of an INVITE that we answer (12.1.1): the route set is its Record-Route as it stands."""
    return Dialog(
        call_id=invite.call_id,
        local=with_tag(invite.header("to") or "", tag),
        remote=invite.header("from") or "",
        target=uri_of(invite.header("contact") or ""),
        routes=invite.all("record-route"),
        cseq=0,
        remote_cseq=invite.cseq,
    )


def of_outgoing(call_id: str, local: str, remote: str, target: str) -> Dialog:
    """Before the first response: what the INVITE carries."""
    return Dialog(call_id, local, remote, target, routes=(), cseq=0, remote_cseq=0)


def answered(dialog: Dialog, response: Response) -> Dialog:
    """The dialog once a 2xx came for our INVITE (12.1.2): the route set is its Record-Route reversed."""
    contact = response.header("contact")
    return replace(
        dialog,
        remote=response.header("to") or dialog.remote,
        target=uri_of(contact) if contact else dialog.target,
        routes=tuple(reversed(response.all("record-route"))),
    )


def refreshed(dialog: Dialog, contact: str | None) -> Dialog:
    """After a target refresh (INVITE or UPDATE within the dialog, 12.2): a new Contact is the new target."""
    return replace(dialog, target=uri_of(contact)) if contact else dialog
