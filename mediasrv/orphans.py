"""Second legs of a media server that died: nobody would send their BYE, and the card would pay to the limit.

Whoever binds a media server's SIP address next has none of its calls. Its second legs are known in Kamailio by the
beginning of their Call-ID, which tells the address and nothing about it. They are ended there, on both sides, and
settled as any call that ends. The callers themselves are silent first legs then, which cost nothing and hang up.
"""

import hashlib
import http.client
import json
import logging
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from mediasrv.settings import Address

log = logging.getLogger("mediasrv.orphans")

TIMEOUT_S = 1.0
AT_ONCE = 20
ROUNDS_MAX = 500


def call_id_prefix(sip: Address) -> str:
    """How the Call-IDs of all second legs of the media server at ``sip`` begin."""
    return hashlib.sha256(f"cardswitch {sip[0]}:{sip[1]}".encode()).hexdigest()[:16] + "-"


def end_orphans(edges: Iterable[str], sip: Address) -> int:
    """Ends the second legs of an earlier media server at ``sip``; to be called before this one takes calls.

    ``edges`` are where the edges listen for HTTP, ``host:port``. Returns how many. An edge that does not run, or does
    not answer, has none to end. Blocks, a second an edge at most when there are none.
    """
    ended = sum(_end_at(edge, call_id_prefix(sip)) for edge in edges)
    if ended:
        log.warning("ended %s second legs of an earlier run", ended)
    return ended


def _end_at(edge: str, prefix: str) -> int:
    ended: set[tuple[int, int]] = set()
    try:
        with closing(http.client.HTTPConnection(edge, timeout=TIMEOUT_S)) as connection:
            for _ in range(ROUNDS_MAX):
                found = _call(connection, "dlg.list_match", "callid", "sw", prefix, AT_ONCE) or []
                news = {(int(each["h_entry"]), int(each["h_id"])) for each in found} - ended
                if not news:
                    break
                for h_entry, h_id in news:
                    _call(connection, "dlg.end_dlg", h_entry, h_id)
                ended |= news
    except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
        log.info("no second legs of an earlier run are looked for at %s: %s", edge, error)
    return len(ended)


def _call(connection: http.client.HTTPConnection, method: str, *parameters: str | int) -> Any:
    """JSON-RPC: the result; None when Kamailio answers with an error (nothing matched, already ended)."""
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    connection.request("POST", "/rpc", json.dumps(request))
    answer: Any = json.loads(connection.getresponse().read())
    return answer.get("result")
