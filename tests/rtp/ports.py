"""Free ports for one test process: below the ephemeral range, so that nobody is given one by chance."""

import random
import socket
from contextlib import ExitStack

LOWEST, HIGHEST = 22_000, 31_000


def free_port_range(count: int) -> tuple[int, int]:
    """``count`` neighbouring UDP ports of 127.0.0.1 that nobody has, the first one even (inclusive range)."""
    for _ in range(200):
        first = random.randrange(LOWEST, HIGHEST - count, 2)
        with ExitStack() as taken:
            try:
                for port in range(first, first + count):
                    taken.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first, first + count - 1
    raise RuntimeError(f"no {count} free neighbouring UDP ports between {LOWEST} and {HIGHEST}")
