"""The desk at work: what has come by now is one group, one transaction, one commit; nothing is waited for.

A few threads take turns: one collects what has come, and while it waits for the ledger the next one collects. With few
calls a group is one call; the more come, the larger the groups, and the less of the parsing, the round trips and the
commit each call pays for.
"""

import gc
import logging
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rating.authorising import Answer
from rating.desk import figures
from rating.desk.wire import MESSAGE_MAX_BYTES, pack_answer, unpack_request
from rating.model import CallRequest
from rating.outcome import LedgerUnavailableError

LOG = logging.getLogger(__name__)
GROUP_MAX = 64
THREADS = 2  # a card's row that is locked for long holds up one group, not all
POLL_S = 0.5  # how soon a stop is noticed
BACKLOG = 128
# A thread that has its answer from the ledger must not wait 5 ms for the other one to let go of the interpreter.
SWITCH_INTERVAL_S = 0.0002

Authorise = Callable[[Sequence[CallRequest]], "list[Answer | Exception]"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and who waits for its answer."""

    connection: socket.socket
    request: CallRequest


class Desk:
    """Serves a unix socket at ``path``. ``late_s``: a request that has waited so long is refused, as nobody may be
    waiting for its answer any more."""

    def __init__(self, path: Path, authorise: Authorise, *, threads: int = THREADS, late_s: float = 1.0) -> None:
        """Raises OSError when it cannot listen there."""
        self._authorise = authorise
        self._late_us = int(late_s * 1_000_000)
        self._stop = threading.Event()
        self._turn = threading.Lock()
        self._epoll = select.epoll()
        self._connections: dict[int, socket.socket] = {}
        self._listener = _listener(path)
        self._epoll.register(self._listener, select.EPOLLIN)
        self._threads = [threading.Thread(target=self._work, name=f"desk{number}") for number in range(threads)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Answers what it has taken, then returns."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()
        for connection in [*self._connections.values()]:
            connection.close()
        self._epoll.close()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                with self._turn:
                    group = self._collect()
                if group:
                    self._serve(group)
            except Exception:
                LOG.exception("the desk goes on after an error")

    def _collect(self) -> list[Asked]:
        """All that has come by now; waits when that is nothing."""
        group = []
        for number, _ in self._epoll.poll(POLL_S, GROUP_MAX):
            if number == self._listener.fileno():
                self._accept()
            else:
                asked = self._receive(self._connections[number])
                if asked is not None:
                    group.append(asked)
        return group

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setblocking(False)
        self._connections[connection.fileno()] = connection
        self._epoll.register(connection, select.EPOLLIN)
        figures.CLIENTS.set(len(self._connections))

    def _receive(self, connection: socket.socket) -> Asked | None:
        try:
            data = connection.recv(MESSAGE_MAX_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if not data:
            self._forget(connection)
            return None
        try:
            request, sent_us = unpack_request(data)
        except (ValueError, TypeError):
            LOG.exception("a request that makes no sense")
            self._forget(connection)
            return None
        if time.monotonic_ns() // 1000 - sent_us > self._late_us:
            figures.LATE.inc()
            _send(connection, request, LedgerUnavailableError("the desk has too much to do"))
            return None
        return Asked(connection, request)

    def _serve(self, group: list[Asked]) -> None:
        began = time.perf_counter()
        answers: Sequence[Answer | Exception]
        try:
            answers = self._authorise([asked.request for asked in group])
        except Exception as error:
            if not isinstance(error, LedgerUnavailableError):
                LOG.exception("a group of %d calls failed", len(group))
            answers = [error] * len(group)
        for asked, answer in zip(group, answers, strict=True):
            _send(asked.connection, asked.request, answer)
        figures.note(answers, time.perf_counter() - began)

    def _forget(self, connection: socket.socket) -> None:
        del self._connections[connection.fileno()]
        self._epoll.unregister(connection)
        connection.close()
        figures.CLIENTS.set(len(self._connections))


def serve(desk: Desk, stop: threading.Event) -> None:
    """Serves until ``stop``, in a process that does nothing else."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.freeze()  # what is there stays
    desk.start()
    stop.wait()
    desk.stop()


def _send(connection: socket.socket, request: CallRequest, answer: Answer | Exception) -> None:
    """Who does not wait any more needs no answer; the hold is swept."""
    if isinstance(answer, Exception) and not isinstance(answer, LedgerUnavailableError):
        LOG.error("hold %s failed", request.hold_id, exc_info=answer)
    with suppress(OSError):
        connection.send(pack_answer(request.hold_id, answer))


def _listener(path: Path) -> socket.socket:
    """Listens at ``path`` for processes of the same user and group; what a desk before has left there goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        before = os.umask(0o117)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
