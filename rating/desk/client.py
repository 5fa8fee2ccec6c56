"""The way to the desk: a connection for each thread and process, made when first needed."""

import os
import socket
import struct
import threading
import time

from prometheus_client import Counter

from rating.authorising import Answer
from rating.desk.wire import MESSAGE_MAX_BYTES, DeskError, pack_request, unpack_answer
from rating.model import CallRequest
from rating.outcome import LedgerUnavailableError

AWAY = Counter("cardswitch_desk_away", "Calls authorised without the desk, which was not there")


class DeskAwayError(Exception):
    """No desk is there, or it ended before it answered: ask the ledger, with the same hold id."""


class DeskClient:
    """Asks the desk at ``path``; waits ``timeout_s`` for its answer."""

    def __init__(self, path: str, timeout_s: float) -> None:
        self._path = path
        seconds = int(timeout_s)
        # The kernel's time-out: Python's own would cost a poll for each message.
        self._timeout = struct.pack("ll", seconds, int((timeout_s - seconds) * 1_000_000))
        self._local = threading.local()

    def authorise(self, request: CallRequest) -> Answer:
        """Raises DeskAwayError, LedgerUnavailableError (no answer in time, either) and DeskError."""
        connection = self._connection()
        try:
            connection.send(pack_request(request, time.monotonic_ns() // 1000))
            data = connection.recv(MESSAGE_MAX_BYTES)
        except BlockingIOError:
            self.close()
            raise LedgerUnavailableError("the desk does not answer in time") from None
        except OSError as error:
            self.close()
            raise self._away() from error
        if not data:
            self.close()
            raise self._away()
        try:
            return unpack_answer(request.hold_id, data)
        except DeskError:
            self.close()
            raise

    def close(self) -> None:
        """This thread's connection; a late answer must not be taken for the next request's."""
        connection: socket.socket | None = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            connection.close()

    def _connection(self) -> socket.socket:
        connection: socket.socket | None = getattr(self._local, "connection", None)
        if connection is None or self._local.pid != os.getpid():
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                connection.connect(self._path)
            except OSError as error:
                connection.close()
                raise self._away() from error
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                connection.setsockopt(socket.SOL_SOCKET, option, self._timeout)
            self._local.connection, self._local.pid = connection, os.getpid()
        return connection

    @staticmethod
    def _away() -> DeskAwayError:
        AWAY.inc()
        return DeskAwayError()
