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

SOCKETS = ("caller_sock", "callee_sock")
NEEDED = (
    "callid", "from_uri", "from_tag", "to_uri", "to_tag", "caller_contact", "callee_contact", *SOCKETS
)  # fmt: skip
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


@dataclass(frozen=True, slots=True)
class Clocks:
    """The time: epoch seconds, and the machine's own clock with the start it counts from."""

    now: int
    mono_us: int = 0
    boot: str = ""

    def deadline(self, event: dict[str, Any]) -> int:
        """When the dialog ends, by the wall clock as it is set now."""
        if self.boot and event.get("boot") == self.boot and "timeout_mono_us" in event:
            return self.now + int((event["timeout_mono_us"] - self.mono_us) // 1_000_000)
        return int(event["timeout"])


def still_running(events: Iterable[dict[str, Any]], clocks: Clocks) -> list[Dialog]:
    """The dialogs that were kept and are not gone. Their records may come in any order."""
    kept: dict[str, dict[str, Any]] = {}
    gone: set[str] = set()
    limits: dict[str, dict[str, Any]] = {}
    for event in events:
        if event["ev"] == "kept":
            kept[event["dlg"]] = event
        elif event["ev"] == "gone":
            gone.add(event["dlg"])
        elif event["ev"] == "limit":
            limits[event["dlg"]] = event
    running = {key: event for key, event in kept.items() if key not in gone and _is_whole(event)}
    found = [_dialog(event, clocks.deadline(limits.get(key, event))) for key, event in running.items()]
    return [dialog for dialog in found if dialog.timeout > clocks.now - STALE_S]


def _is_whole(event: dict[str, Any]) -> bool:
    """With one that is half known Kamailio would not start at all; that call is left to the keeper."""
    fields = event.get("fields", {})
    return all(fields.get(name) for name in NEEDED) and all(_is_socket(fields[name]) for name in SOCKETS)


def _is_socket(text: str) -> bool:
    protocol, _, address = text.partition(":")
    return protocol in ("udp", "tcp", "tls") and ":" in address


def _dialog(event: dict[str, Any], timeout: int) -> Dialog:
    entry, _, dialog_id = event["dlg"].partition(":")
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
