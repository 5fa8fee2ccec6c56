"""Calls that outlive a crash of Kamailio: a log of running dialogs, and the tables it restores them from.

Kamailio's own persistence writes SQL from the SIP workers, so a slow database holds up signalling. Here the worker
appends one record to a local file when a dialog is acknowledged and one when it ends (the same writer as the call
journal: one O_APPEND write, which a killed process cannot lose). At the next start ``kemi.launch`` makes tables of the
dialogs that were not ended, in Kamailio's text format, and Kamailio reads them once (``db_mode`` 3). Nothing is ever
asked of a database for it. Why: docs/decisions/dialogs-survive.md
"""

import time

from kemi import journalled, ksr, running
from rating.journal import boot_clock_us

VARIABLES = ("call", "try", "rang", "answer", "media", "nat", "kept")
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
        **deadline(lifetime),
        "fields": {column: ksr.get(name) or "" for column, name in _NOTED.items()},
        "vars": {name: value for name in VARIABLES if (value := ksr.dialog_variable(name))},
    }
    journalled.write_dialog_log(event)


def forget() -> None:
    """At the end of a dialog, kept or not: its ACK may still be on the way through another worker."""
    journalled.write_dialog_log({"ev": "gone", "dlg": dialog_key()})


def extend(key: str, seconds: int) -> None:
    """When a dialog's limit was moved to ``seconds`` from now."""
    journalled.write_dialog_log({"ev": "limit", "dlg": key, **deadline(seconds)})


def deadline(seconds: int) -> dict[str, int | str]:
    """``seconds`` from now, by both clocks: the machine's own one holds when somebody sets the other."""
    return {
        "timeout": int(time.time()) + seconds,
        "timeout_mono_us": boot_clock_us() + seconds * 1_000_000,
        "boot": running.boot_id(),
    }


def dialog_key() -> str:
    return f"{ksr.get_int('$dlg(h_entry)')}:{ksr.get_int('$dlg(h_id)')}"
