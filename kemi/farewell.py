"""BYEs for a call of another edge, which is dead: to both sides, made of what its keeper told the ledger.

This edge has no dialog of that call and needs none: whoever is in it takes a BYE by Call-ID and tags (RFC 3261, section
12.2.2), whatever address it comes from. CSeq is far beyond what the dead edge can have used.
"""

import json
import re
from typing import Any

from kemi import ksr

CSEQ = 1_000_000_000
_LINE = re.compile(r"[^\r\n\0]{1,1500}")


def send_byes(text: str) -> bool:
    """``text``: JSON as ``legs_of`` makes it. False when it is not that."""
    try:
        legs: dict[str, Any] = json.loads(text)
        byes = [_bye(str(legs["callid"]), bye) for bye in legs["byes"]]
    except (ValueError, KeyError, TypeError):
        return False
    for uri, next_hop, headers in byes:
        ksr.send_request("BYE", uri, next_hop, headers)
    return True


def _bye(callid: str, bye: dict[str, str]) -> tuple[str, str, str]:
    """Request-URI, next hop ("" for that of the URI) and headers. Raises ValueError when a line is none."""
    lines = [f"From: {bye['from']}", f"To: {bye['to']}", f"Call-ID: {callid}", f"CSeq: {CSEQ} BYE"]
    lines += ["Reason: Q.850;cause=102", "Max-Forwards: 70"]
    if bye["route"]:
        lines.append(f"Route: {bye['route']}")
    for line in (*lines, bye["uri"]):
        if not _LINE.fullmatch(line):
            raise ValueError(line)
    first = re.search(r"<([^>]+)>", bye["route"])
    return bye["uri"], first[1] if first else "", "".join(f"{line}\r\n" for line in lines)
