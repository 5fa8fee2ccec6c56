"""Calls that outlive a crash of Kamailio: a log of running dialogs, and the tables it restores them from.

Kamailio's own persistence writes SQL from the SIP workers, so a slow database holds up signalling. Here the worker
appends one record to a local file when a dialog is acknowledged and one when it ends (the same writer as the call
journal: one O_APPEND write, which a killed process cannot lose). At the next start ``kemi.launch`` makes tables of the
dialogs that were not ended, in Kamailio's text format, and Kamailio reads them once (``db_mode`` 3). Nothing is ever
asked of a database for it. Why: docs/decisions/dialogs-survive.md
"""

import time

from kemi import ksr, node

VARIABLES = ("call", "try", "rang", "answer", "media", "kept")
KEPT = "kept"  # dialog variable: the log has it
_NOTED = {
    "callid": "$dlg(callid)",
    "from_uri": "$dlg(from_uri)",
    "from_tag": "$dlg(from_tag)",
    "to_uri": "$dlg(to_uri)",
    "to_tag": "$dlg(to_tag)",
    "caller_cseq": "$dlg(from_cseq)",
    "callee_cseq": "$dlg(to_cseq)",
    "caller_route_set": "$dlg(from_rs)",
    "callee_route_set": "$dlg(to_rs)",
    "caller_contact": "$dlg(from_contact)",
    "callee_contact": "$dlg(to_contact)",
    "caller_sock": "$dlg(from_bindaddr)",
    "callee_sock": "$dlg(to_bindaddr)",
}


def keep_once() -> None:
    """At the first ACK of a dialog: now both its legs are known."""
    callid = ksr.get("$dlg(callid)")
    if callid is None or ksr.dialog_variable(KEPT):
        return
    ksr.set_dialog_variable(KEPT, "1")
    now = int(time.time())
    lifetime = ksr.get_int("$dlg(lifetime)")
    event = {
        "ev": "kept",
        "dlg": dialog_key(),
        "start": ksr.get_int("$dlg(start_ts)") or now,
        "timeout": now + lifetime,
        "fields": {column: ksr.get(name) or "" for column, name in _NOTED.items()},
        "vars": {name: value for name in VARIABLES if (value := ksr.dialog_variable(name))},
    }
    node.write_dialog_log(event)


def forget() -> None:
    """At the end of a dialog, kept or not: its ACK may still be on the way through another worker."""
    node.write_dialog_log({"ev": "gone", "dlg": dialog_key()})


def extend(key: str, seconds: int) -> None:
    """When a dialog's limit was moved to ``seconds`` from now."""
    node.write_dialog_log({"ev": "limit", "dlg": key, "timeout": int(time.time()) + seconds})


def dialog_key() -> str:
    return f"{ksr.get_int('$dlg(h_entry)')}:{ksr.get_int('$dlg(h_id)')}"
