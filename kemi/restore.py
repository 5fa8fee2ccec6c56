"""The tables from which Kamailio restores running dialogs, made of the log that kemi/survive.py wrote. No KSR here."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rating.journal import JournalReader

TIMEOUT_BYE = 1  # bit of the column iflags
TIMEOUT_ROUTE = "enabled"  # any name: without one there is no dialog:timeout event
CONFIRMED = 4  # state
# Requests inside the dialog have moved CSeq on since it was noted: our BYE must come after them. Gaps are allowed.
CSEQ_LEAP = 10_000
STALE_S = 3600  # a dialog that should have ended so long ago is gone
EVENTS_MAX = 10_000_000

_DIALOG_COLUMNS = (
    "id(int,auto) hash_entry(int) hash_id(int) callid(string) from_uri(string) from_tag(string) to_uri(string) "
    "to_tag(string) caller_cseq(string) callee_cseq(string) caller_route_set(string,null) "
    "callee_route_set(string,null) caller_contact(string) callee_contact(string) caller_sock(string) "
    "callee_sock(string) state(int) start_time(int) timeout(int) sflags(int) iflags(int) toroute_name(string,null) "
    "req_uri(string) xdata(string,null)"
)
_VARIABLE_COLUMNS = "id(int,auto) hash_entry(int) hash_id(int) dialog_key(string) dialog_value(string)"
_VERSION = "id(int,auto) table_name(string) table_version(int)\n0:dialog:7\n1:dialog_vars:1\n"


@dataclass(frozen=True, slots=True)
class Dialog:
    """A dialog as noted. ``timeout`` and ``start`` are epoch seconds; ``fields`` are columns, ``variables`` its own."""

    entry: int
    dialog_id: int
    start: int
    timeout: int
    fields: dict[str, str]
    variables: dict[str, str]


def read_log(directory: Path) -> list[dict[str, Any]]:
    return JournalReader(directory).read({}, EVENTS_MAX).events if directory.is_dir() else []


def still_running(events: Iterable[dict[str, Any]], now: int) -> list[Dialog]:
    """The dialogs that were kept and are not gone. Their records may come in any order."""
    kept: dict[str, dict[str, Any]] = {}
    gone: set[str] = set()
    limits: dict[str, int] = {}
    for event in events:
        if event["ev"] == "kept":
            kept[event["dlg"]] = event
        elif event["ev"] == "gone":
            gone.add(event["dlg"])
        elif event["ev"] == "limit":
            limits[event["dlg"]] = event["timeout"]
    found = [_dialog(event, limits.get(key)) for key, event in kept.items() if key not in gone]
    return [dialog for dialog in found if dialog.timeout > now - STALE_S]


def _dialog(event: dict[str, Any], limit: int | None) -> Dialog:
    entry, _, dialog_id = event["dlg"].partition(":")
    timeout = event["timeout"] if limit is None else limit
    return Dialog(int(entry), int(dialog_id), event["start"], timeout, event["fields"], event["vars"])


def tables(dialogs: Iterable[Dialog]) -> dict[str, str]:
    """File name to content of a text database with these dialogs."""
    rows, variables = [_DIALOG_COLUMNS], [_VARIABLE_COLUMNS]
    for number, dialog in enumerate(dialogs):
        rows.append(_row(number, dialog))
        for name, value in dialog.variables.items():
            variables.append(_line(len(variables) - 1, dialog.entry, dialog.dialog_id, name, value))
    return {"version": _VERSION, "dialog": "\n".join(rows) + "\n", "dialog_vars": "\n".join(variables) + "\n"}


def _row(number: int, dialog: Dialog) -> str:
    fields = dialog.fields
    return _line(
        number,
        dialog.entry,
        dialog.dialog_id,
        *(fields[name] for name in ("callid", "from_uri", "from_tag", "to_uri", "to_tag")),
        *(str(int(fields[name] or 0) + CSEQ_LEAP) for name in ("caller_cseq", "callee_cseq")),
        *(fields[name] for name in ("caller_route_set", "callee_route_set", "caller_contact", "callee_contact")),
        *(fields[name] for name in ("caller_sock", "callee_sock")),
        CONFIRMED,
        dialog.start,
        dialog.timeout,
        0,
        TIMEOUT_BYE,
        TIMEOUT_ROUTE,
        fields["to_uri"],
        "",
    )


def _line(*values: str | int) -> str:
    return ":".join(_escaped(str(value)) for value in values)


def _escaped(text: str) -> str:
    for character, escape in (("\\", "\\\\"), (":", "\\:"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(character, escape)
    return text
