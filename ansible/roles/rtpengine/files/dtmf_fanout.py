"""Tells every media server which keys were pressed in connected calls: rtpengine itself can tell one place only.

``cardswitch-dtmf-fanout.py LISTEN TARGET …`` (all ``address:port``): each datagram that comes goes to every target. Who
has no such call ignores it. Nothing is logged: keys may be a PIN.
"""

import contextlib
import socket
import sys

DATAGRAM_MAX = 4096


def address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def main() -> None:
    """Until the process is ended."""
    targets = [address(text) for text in sys.argv[2:]]
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as incoming,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outgoing,
    ):
        incoming.bind(address(sys.argv[1]))
        while True:
            datagram = incoming.recv(DATAGRAM_MAX)
            for target in targets:
                with contextlib.suppress(OSError):  # one that is away must not keep the others from hearing
                    outgoing.sendto(datagram, target)


if __name__ == "__main__":
    main()
