"""One machine of the switch: an edge that writes the journal, and the keeper's parts that read it."""

import random
from pathlib import Path
from typing import Any

from rating.core import RatingCore
from rating.database import Database
from rating.journal import JournalReader, JournalWriter
from rating.keeper.guard import Guard, GuardTimes
from rating.keeper.ng import NgError
from rating.keeper.settle import Settler
from rating.settings import DatabaseSettings
from rating.store import settlement
from tests.simulator.books import MICROS, SimulatedCall
from tests.simulator.clock import SimulatedTime

BOOT = "simulate"
ENDS_LATE_US = 1_900_000  # the dialog timer is set to the limit and a second, and is a second early or late


class Node:
    """Its processes may die and start again; its disk stays."""

    def __init__(
        self, name: str, ledger: DatabaseSettings, directory: Path, clock: SimulatedTime, chance: random.Random
    ) -> None:
        self.name = name
        self.wall_offset_us = 0
        self.edge_alive = self.keeper_alive = True
        self.swept = 0
        self._ledger = ledger
        self._directory = directory
        self._clock = clock
        self._chance = chance
        self._journal = directory / "journal"
        self._running: dict[str, SimulatedCall] = {}  # by SIP Call-ID: what rtpengine carries
        self.writer = JournalWriter(self._journal, name)
        self.start_edge()
        self.start_keeper()

    # the edge

    def start_edge(self) -> None:
        """A new process: nothing is known but what is on the disk and in the ledger."""
        self.core = RatingCore(
            self._ledger, pepper=b"p" * 32, deck_directory=self._directory / "decks", clock_us=self._clock.wall_us
        )
        self.writer = JournalWriter(self._journal, self.name)
        self.edge_alive = True

    def tell(self, event: dict[str, Any]) -> bool:
        return self.writer.append(event)

    def tear(self) -> None:
        """A write that a crash cut short."""
        files = JournalReader(self._journal).files()
        if files:
            with files[-1].open("ab") as file:
                file.write(b'\n0badc0de {"ev":"answer","hold":"4f')

    def stamp(self) -> dict[str, Any]:
        return {"t_us": self._clock.wall_us(), "mono_us": self._clock.boot_us(), "boot": BOOT}

    # media

    def carries(self, call: SimulatedCall) -> None:
        self._running[f"call-{call.number}"] = call

    def request(self, command: str, *, call_id: str, **_: Any) -> dict[str, Any]:
        """rtpengine's ng protocol, as far as the keeper speaks it."""
        call = self._running.get(call_id)
        if call is None or call.answered_us is None:
            raise NgError(f"unknown call {call_id}")
        if command == "delete":
            if call.ended_us is None:
                call.ended_us = self._clock.now_us
            del self._running[call_id]
            return {"result": "ok"}
        last_us = call.ended_us or min(self._clock.now_us, max(call.hangs_up_us, call.answered_us))
        return {"tags": {"a": {"medias": [{"streams": [{"last packet": (last_us + self.wall_offset_us) // MICROS}]}]}}}

    def media_is_over(self, call: SimulatedCall) -> None:
        self._running.pop(f"call-{call.number}", None)

    # the keeper

    def start_keeper(self) -> None:
        self._database = Database(self._ledger)
        self._reader = JournalReader(self._journal)
        self._settler = Settler(self._database, self.name, self.core.carrier_cost, self._clock.wall_us)
        self._guard = Guard(
            self._database,
            self.name,
            self._settler,
            ng=self,  # type: ignore[arg-type]
            rpc_socket=None,
            times=GuardTimes(),
            clock_us=self._clock.wall_us,
            boot_us=self._clock.boot_us,
            boot=BOOT,
        )
        self.keeper_alive = True

    def catch_up(self, *, events_max: int, ahead: bool) -> set[str]:
        """Applies what is in the journal, piece by piece, as the keeper does; the holds it has events of."""
        holds: set[str] = set()
        offsets = settlement.offsets(self._database, self.name)
        while True:
            batch = self._reader.read(offsets, events_max)
            if not batch.offsets:
                return holds
            prepared = self._settler.prepare(batch) if ahead else None
            if self._settler.apply(batch, offsets, prepared) is None:
                return holds
            holds |= {event["hold"] for event in batch.events}
            offsets = offsets | batch.offsets

    def look_after(self) -> bool:
        """The second line, and the sweeper when there is no news left to read; whether it settled any hold."""
        self._guard.end_overdue()
        swept = 0
        if self._reader.unread_bytes(settlement.offsets(self._database, self.name)) == 0:
            swept = self._guard.sweep()
            self.swept += swept
        return swept > 0

    def note_signs_of_life(self) -> None:
        self._guard.note_signs_of_life()
