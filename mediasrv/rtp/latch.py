"""Symmetric RTP: where a caller's media really comes from, and so where ours must go (RFC 4961; RFC 7362, 5)."""

Address = tuple[str, int]


class Latch:
    """Learns the first sender's address and then believes only that one, until the signalling names a new remote.

    Behind a NAT the address in the SDP is not the one the packets come from; once they come, nobody else's count.
    """

    def __init__(self) -> None:
        self._signalled: Address | None = None
        self._source: Address | None = None

    @property
    def target(self) -> Address | None:
        """Where to send: the latched source, else the signalled address, else nowhere yet."""
        return self._source or self._signalled

    @property
    def source(self) -> Address | None:
        """The caller's source, once it is known."""
        return self._source

    def signal(self, remote: Address) -> None:
        """Takes the address from the SDP; a new one forgets the latched source, the same one keeps it."""
        if remote != self._signalled:
            self._signalled = remote
            self._source = None

    def accepts(self, source: Address) -> bool:
        """Whether a valid packet from ``source`` is the caller's."""
        return self._signalled is not None and self._source in (None, source)

    def learn(self, source: Address) -> None:
        """Latches to the sender of the first valid packet."""
        self._source = source
