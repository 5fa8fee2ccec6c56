"""Free ports, below the range from which the kernel takes its own (32768 and up), so that nobody takes them meanwhile.

They are drawn at random: several stacks on one machine do not meet, even when they start at the same moment.
"""

import secrets
import socket
from collections.abc import Iterable

from console.stack.errors import StackError

LOWEST = 10_000
HIGHEST = 32_000
TRIES = 200


def is_free(host: str, port: int, *, tcp: bool = True) -> bool:
    """Whether UDP and (unless ``tcp`` is False) TCP can be bound."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kinds = (socket.SOCK_DGRAM, socket.SOCK_STREAM) if tcp else (socket.SOCK_DGRAM,)
    for kind in kinds:
        with socket.socket(family, kind) as sock:
            if kind == socket.SOCK_STREAM:  # a connection in TIME_WAIT does not stop the parts either
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((host, port))
            except OSError:
                return False
    return True


def free_port(host: str, taken: Iterable[int] = ()) -> int:
    """A port whose neighbour is free as well (baresip takes both). Raises StackError."""
    excluded = set(taken)
    for _ in range(TRIES):
        port = LOWEST + 2 * secrets.randbelow((HIGHEST - LOWEST) // 2)
        if port not in excluded and is_free(host, port) and is_free(host, port + 1):
            return port
    raise StackError(f"no free port found on {host} between {LOWEST} and {HIGHEST}: is something using them all?")


def free_block(host: str, size: int, taken: Iterable[int] = ()) -> int:
    """The first of ``size`` UDP ports in a row, even. Raises StackError."""
    excluded = set(taken)
    for _ in range(TRIES):
        first = LOWEST + size * secrets.randbelow((HIGHEST - LOWEST) // size)
        block = range(first, first + size)
        if excluded.isdisjoint(block) and all(is_free(host, port, tcp=False) for port in block):
            return first
    raise StackError(f"no {size} free UDP ports in a row found on {host}: is something using them all?")


def demand_free(host: str, port: int, what: str) -> int:
    """``port``, when it is free. Raises StackError: the operator asked for this one."""
    if not is_free(host, port):
        raise StackError(f"port {port} on {host} ({what}) is taken: stop what uses it (ss -lntup), or choose another.")
    return port
