"""What a dialog remembers of its call, and the journal's events made of it.

A dialog's variables are what survives between the messages of a call and across a restart of Kamailio. Each is written
by one place only: replies are handled in several processes at once, and one must not overwrite another's news.

| variable | written | content |
|---|---|---|
| ``call`` | when the call is placed | hold, call id, limit, time of the INVITE |
| ``try`` | at each attempt | carrier and gateway |
| ``rang`` | at the first 18x | post-dial delay in ms |
| ``answer`` | at the answer | the journal's answer event, JSON |
| ``media`` | at an offer | there are ports to free (kemi/media.py) |
| ``nat`` | when the call is placed | address and port of a caller behind NAT |
"""

import json
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kemi import ksr
from rating import journal
from rating.journal import boot_clock_us


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Read once: a process does not live longer than the boot it is of."""
    return journal.boot_id()


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """A call on a card. ``invite_us`` is CLOCK_BOOTTIME."""

    hold: str
    call: str
    limit_s: int
    invite_us: int

    @classmethod
    def parse(cls, text: str) -> "PlacedCall":
        hold, call, limit_s, invite_us = text.split(" ")
        return cls(hold, call, int(limit_s), int(invite_us))

    def __str__(self) -> str:
        return f"{self.hold} {self.call} {self.limit_s} {self.invite_us}"


def remember_call(call: PlacedCall) -> None:
    ksr.set_dialog_variable("call", str(call))


def remember_attempt(carrier_id: int, gateway_id: int) -> None:
    ksr.set_dialog_variable("try", f"{carrier_id} {gateway_id}")


def remember_ringing(pdd_ms: int) -> None:
    ksr.set_dialog_variable("rang", str(pdd_ms))


def remember_answer(event: dict[str, Any]) -> None:
    ksr.set_dialog_variable("answer", json.dumps(event, separators=(",", ":")))


def call_of_dialog() -> PlacedCall | None:
    """The call of the dialog at hand; None: no dialog, or a leg to the media server, which no card pays for."""
    text = ksr.dialog_variable("call")
    return PlacedCall.parse(text) if text else None


def answer_of_dialog() -> dict[str, Any] | None:
    """The answer event as it was written."""
    text = ksr.dialog_variable("answer")
    found: dict[str, Any] | None = json.loads(text) if text else None
    return found


def attempt_of_dialog() -> tuple[int, int]:
    """Carrier and gateway of the last attempt; zeros before the first."""
    carrier, _, gateway = (ksr.dialog_variable("try") or "0 0").partition(" ")
    return int(carrier), int(gateway)


def pdd_ms_of_dialog(call: PlacedCall) -> int:
    """Milliseconds from the INVITE to the first 18x, or to now when there was none."""
    rang = ksr.dialog_variable("rang")
    return int(rang) if rang else (boot_clock_us() - call.invite_us) // 1000


def bare_event(kind: str, call: PlacedCall, node: str) -> dict[str, Any]:
    """What every event of the journal has."""
    return {
        "ev": kind,
        "hold": call.hold,
        "call": call.call,
        "node": node,
        "t_us": time.time_ns() // 1000,
        "mono_us": boot_clock_us(),
        "boot": boot_id(),
    }


def dialog_fields(call: PlacedCall) -> dict[str, Any]:
    """What the journal says of the dialog at hand when it is answered."""
    carrier_id, gateway_id = attempt_of_dialog()
    return {
        "callid": ksr.get("$dlg(callid)") or "",
        "from_tag": ksr.get("$dlg(from_tag)") or "",
        "to_tag": ksr.get("$tt") or "",  # not in the dialog yet
        "dlg": f"{ksr.get_int('$dlg(h_entry)')}:{ksr.get_int('$dlg(h_id)')}",
        "carrier_id": carrier_id,
        "gateway_id": gateway_id,
        "pdd_ms": pdd_ms_of_dialog(call),
        "limit_s": call.limit_s,
    }
