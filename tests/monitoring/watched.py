"""A live stack as Prometheus, Kamailio and the ledger see it, and callers for it."""

import itertools
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Any

from console.demo.network import DESTINATION
from console.monitoring.__main__ import BOARDS
from console.stack.plan import TRUSTED_CALLER_HOST
from console.stack.probe import parse_address, sip_options
from kemi.stubgen import rpc
from tests.edge.sipp import Sipp, Step, ack, invite, pause, receive, request
from tests.monitoring.prometheus import Prometheus
from tests.support.stack import RunningStack, await_true

VALUE = 5_000_000
CONNECTED = 'sum(max without (instance) (cardswitch_concurrent_calls{state="connected"})) or vector(0)'
DIALOGS = "sum(cardswitch_edge_dialogs)"
QUERIES = [(board.name, panel, query) for board in BOARDS for panel in board.panels for query in panel.queries]
TARGETS = ("edge", "desk", "keeper", "mediasrv", "console", "rtpengine")
UP = 'up{job=~"cardswitch-.*|rtpengine"}'
_anis = (str(number) for number in itertools.count(12_025_553_000))


@dataclass(frozen=True, slots=True)
class Seen:
    """Concurrent calls, as four see them."""

    gauge: int
    dialogs_shown: int
    kamailio: int
    ledger: int


class Watched:
    """``started_s`` is when it was ready."""

    def __init__(self, stack: RunningStack) -> None:
        self.stack = stack
        self.core = stack.core
        self.started_s = time.time()
        parts = {part["name"]: part for part in stack.status()["parts"]}
        self.parts: dict[str, Any] = parts
        self.prometheus = Prometheus(parts["prometheus"]["addresses"]["http"])

    def restart(self, parts: dict[str, Signals]) -> None:
        """Sends each part its signal; returns when all have been started again, and answer."""
        before = self.stack.state
        assert before is not None
        ended = {part.name: part for part in before.parts if part.name in parts}
        for name, part in ended.items():
            part.process.send(parts[name])

        def are_back() -> bool:
            now = self.stack.state
            parts_now = [part for part in now.parts if part.name in ended] if now else []
            back = {part.name for part in parts_now if part.restarts > ended[part.name].restarts}
            return back == parts.keys() and sip_options(parse_address(self.stack.edge)) == 200

        await_true(are_back, "what was ended runs again", timeout_s=40)
        await_true(lambda: self._targets_up() == len(TARGETS), "all are scraped again", timeout_s=40)

    def _targets_up(self) -> float:
        with suppress(OSError):
            return self.prometheus.number(f"count({UP} == 1)") or 0
        return 0

    def rpc(self, method: str) -> Any:
        return rpc(Path(self.parts["kamailio"]["addresses"]["rpc_socket"]), method)

    def seen(self) -> Seen:
        return Seen(
            gauge=int(self.prometheus.number(CONNECTED) or 0),
            dialogs_shown=int(self.prometheus.number(DIALOGS) or 0),
            kamailio=int(self.rpc("dlg.stats_active")["ongoing"]),
            ledger=sum(call["answered_us"] is not None for call in self.core.open_calls()),
        )

    def await_calls(self, number: int, *, timeout_s: float = 30.0) -> None:
        """Until everybody sees so many connected calls."""
        last: list[Seen] = []

        def agreed() -> bool:
            last[:] = [self.seen()]
            return last == [Seen(number, number, number, number)]

        try:
            await_true(agreed, f"{number} calls", timeout_s=timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}: {last}") from None

    def callers(self, number: int, talk_ms: int, directory: Path, *, rate: int = 10) -> Sipp:
        """So many callers with a card each, who dial at once and talk so long. Running."""
        anis = [next(_anis) for _ in range(number)]
        for ani in anis:
            self.stack.issue(VALUE, ani=ani)
        directory.mkdir()
        numbers = directory / "anis.csv"
        numbers.write_text("SEQUENTIAL\n" + "".join(f"{ani};\n" for ani in anis))
        caller = Sipp(
            "callers",
            connected_call(talk_ms),
            TRUSTED_CALLER_HOST,
            directory,
            remote=self.stack.edge,
            calls=number,
            rate=rate,
            timeout_s=talk_ms // 1000 + 60,
            extra=["-inf", str(numbers)],
        )
        return caller.start()

    def await_spend(self, *, timeout_s: float = 40.0) -> tuple[int, int]:
        """Charged and cost of all call records in micro-units, once Prometheus says the same, to the micro-unit."""
        books, shown = (0, 0), (0, 0)

        def equal() -> bool:
            nonlocal books, shown
            records = self.core.cdrs()
            books = (
                sum(int(row["charge_micros"]) for row in records),
                sum(int(row["cost_micros"] or 0) for row in records),
            )
            shown = self.micros("cardswitch_spend_charged_total"), self.micros("cardswitch_spend_cost_total")
            return books == shown and self.core.check().held == 0

        try:
            await_true(equal, "Prometheus and the call records agree on the spend", timeout_s=timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}: {books} and {shown}") from None
        return books

    def await_panels(self, since_s: float, *, timeout_s: float = 45.0) -> tuple[int, list[str]]:
        """How many queries the panels have, and those that still have no data when the patience is over."""
        empty: list[str] = []

        def all_there() -> bool:
            empty[:] = [
                f"{board}: {panel.title}: {query.expr}"
                for board, panel, query in QUERIES
                if not self.prometheus.has_data(panel, query, since_s, time.time())
            ]
            return not empty

        with suppress(AssertionError):
            await_true(all_there, "every panel has data", timeout_s=timeout_s)
        return len(QUERIES), empty

    def micros(self, counter: str) -> int:
        """The sum of a counter of money, in micro-units."""
        return round((self.prometheus.number(f"sum({counter})") or 0) * 1_000_000)


def connected_call(talk_ms: int) -> list[Step]:
    """A card holder dials by CallerID, is connected, talks, hangs up."""
    number, ani = f"011{DESTINATION}", "[field0]"
    return [
        invite(number, ani),
        receive(100, optional=True),
        receive(180, optional=True),
        receive(183, optional=True),
        receive(200, rrs=True),
        ack(number, ani),
        pause(talk_ms),
        request("BYE", number, ani),
        receive(200),
    ]
