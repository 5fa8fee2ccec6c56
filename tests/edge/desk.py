"""What stands at a gateway's address, and lets each story's far end see the calls of its own story only.

The edge knows two gateways, and every story has far ends of its own there. A request that the edge repeats for an
earlier story (a BYE that nobody answered, for seconds) must not be taken for a call by the next story's SIPp. So SIPp
has a port of its own each time, which its Contact tells, and a desk passes on to it what comes to the gateway's
address, and its answers back; a call that was there before, or that came while nobody served, stays with whom it
came to.
"""

import contextlib
import re
import socket
import threading

_CALL_ID = re.compile(rb"(?im)^(?:Call-ID|i) *: *([^\r\n]+)")
NOBODY = 0
WAIT_S = 0.5


class Desk:
    """Serves at UDP ``address``:``port`` until closed. ``edge`` is who calls."""

    def __init__(self, address: str, port: int, edge: tuple[str, int]) -> None:
        self.address, self.port, self.edge = address, port, edge
        self.turned_away = 0  # datagrams of calls that nobody waits for
        self._serving = NOBODY
        self._calls: dict[bytes, int] = {}  # Call-ID to the port it belongs to
        self._open = True
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        self._socket.settimeout(WAIT_S)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def serve(self, port: int) -> None:
        """New calls go to this port from now on."""
        self._serving = port

    def leave(self, address: str, port: int) -> None:
        """That far end has ended: new calls find nobody until the next one comes."""
        if (self.address, self._serving) == (address, port):
            self._serving = NOBODY

    def close(self) -> None:
        if self._open:
            self._open = False
            self._thread.join(5)
            self._socket.close()

    def _run(self) -> None:
        while self._open:
            with contextlib.suppress(TimeoutError, ConnectionError):
                datagram, source = self._socket.recvfrom(65_536)
                if source[0] == self.address:
                    self._socket.sendto(datagram, self.edge)
                else:
                    self._pass_on(datagram)

    def _pass_on(self, datagram: bytes) -> None:
        found = _CALL_ID.search(datagram)
        port = self._calls.setdefault(found[1].strip(), self._serving) if found else NOBODY
        if port == NOBODY:
            self.turned_away += 1
        else:
            self._socket.sendto(datagram, (self.address, port))
