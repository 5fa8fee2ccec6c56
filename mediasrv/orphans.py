"""Second legs of a media server that died: nobody would send their BYE, and the card would pay to the limit.

Whoever binds a media server's SIP address next has none of its calls. Its second legs are known in Kamailio by the
beginning of their Call-ID, which tells the address and nothing about it. They are ended there, on both sides, and
settled as any call that ends. The callers themselves are silent first legs then, which cost nothing and hang up.
"""

import hashlib
import itertools
import json
import logging
import socket
import tempfile
from pathlib import Path
from typing import Any

from mediasrv.settings import Address

log = logging.getLogger("mediasrv.orphans")

TIMEOUT_S = 1.0
AT_ONCE = 20  # a list of them fits the one datagram of an answer
ROUNDS_MAX = 500
ANSWER_BYTES_MAX = 1 << 18


def call_id_prefix(sip: Address) -> str:
    """How the Call-IDs of all second legs of the media server at ``sip`` begin."""
    return hashlib.sha256(f"cardswitch {sip[0]}:{sip[1]}".encode()).hexdigest()[:16] + "-"


def end_orphans(rpc_socket: Path, sip: Address) -> int:
    """Ends the second legs of an earlier media server at ``sip``; to be called before this one takes calls.

    Returns how many. An edge that does not run, or does not answer, has none to end. Blocks, a second at most when
    there are none.
    """
    ended: set[tuple[int, int]] = set()
    try:
        with _Rpc(rpc_socket) as rpc:
            for _ in range(ROUNDS_MAX):
                found = rpc.call("dlg.list_match", "callid", "sw", call_id_prefix(sip), AT_ONCE) or []
                news = {(int(each["h_entry"]), int(each["h_id"])) for each in found} - ended
                if not news:
                    break
                for h_entry, h_id in news:
                    rpc.call("dlg.end_dlg", h_entry, h_id)
                ended |= news
    except (OSError, ValueError, KeyError) as error:
        log.info("no second legs of an earlier run are looked for: %s", error)
    if ended:
        log.warning("ended %s second legs of an earlier run", len(ended))
    return len(ended)


class _Rpc:
    """Kamailio's jsonrpcs datagram socket. A client needs a name of its own to be answered."""

    def __init__(self, server: Path) -> None:
        self._server = str(server)
        self._ids = itertools.count(1)

    def __enter__(self) -> "_Rpc":
        self._directory = tempfile.TemporaryDirectory(prefix="csivr")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(TIMEOUT_S)
        self._socket.bind(f"{self._directory.name}/s")
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._directory.cleanup()

    def call(self, method: str, *parameters: str | int) -> Any:
        """The result; None when Kamailio answers with an error (nothing matched, already ended)."""
        request = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": parameters}
        self._socket.sendto(json.dumps(request).encode(), self._server)
        return json.loads(self._socket.recv(ANSWER_BYTES_MAX)).get("result")
