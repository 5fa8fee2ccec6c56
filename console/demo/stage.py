"""What every story of the demo needs: the running stack, the phones, the far end, and the list of what was checked."""

import re
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.text import Text

from console import show
from console.demo.audio import find_part, read_wav
from console.demo.farend import FarEnd
from console.demo.listener import Listener
from console.demo.network import DECKS
from console.demo.phone import Phone
from console.demo.recompute import price
from console.stack import gateway
from console.stack.plan import GATEWAY_HOST, HOST, Plan
from console.stack.ports import free_block
from console.stack.probe import http_get
from rating.cards import IssuedCard
from rating.core import RatingCore
from rating.model import Card
from rating.money import format_amount

CALLER_SPEECH = "This is the caller speaking. One, two, three, four, five. I hope that you can hear me well."
SETTLED_WITHIN_S = 8.0
ALIKE = 0.8


@dataclass(slots=True)
class Stage:
    """The demo's surroundings. ``failures`` are the sentences that did not hold."""

    plan: Plan
    core: RatingCore
    cards: dict[str, IssuedCard] = field(default_factory=dict, repr=False)
    failures: list[str] = field(default_factory=list)
    checked: int = 0
    resources: ExitStack = field(default_factory=ExitStack)
    listener: Listener = field(init=False)
    far_end: FarEnd = field(init=False)
    speech: Path = field(init=False)

    def __post_init__(self) -> None:
        self.listener = Listener(self.plan.prompts, "en", ("es/language_choice", "es/digit-2"))
        self.heard_dir.mkdir(exist_ok=True)
        self.speech = self.plan.run.path / "caller.wav"
        gateway.render_speech(CALLER_SPEECH, self.speech)
        control = (GATEWAY_HOST, self.plan.addresses.gateway_control)
        heard = gateway.heard_directory(self.plan)
        self.far_end = FarEnd(control, heard, tell=lambda text: show.timed(f"the far end {text}", mark="☎"))
        self.resources.callback(self.far_end.close)

    @property
    def heard_dir(self) -> Path:
        """Where the callers' WAV files are."""
        return self.plan.run.path / "heard"

    def title(self, number: int, text: str) -> None:
        """Begins a story."""
        show.terminal.print()
        show.terminal.print(Text(f"{number}. {text}", style="bold"))

    def check(self, sentence: str, held: bool, detail: str = "") -> bool:
        """Notes whether a sentence held, and shows it."""
        self.checked += 1
        if not held:
            self.failures.append(sentence)
        show.timed(
            sentence + (f": {detail}" if detail else ""), style="green" if held else "bold red", mark="✓✗"[not held]
        )
        return held

    def phone(self, host: str) -> Phone:
        """A softphone on ``host``; closed at the end of the demo."""
        port = free_block(host, 64)
        found = Phone(
            f"{host}:{port}",
            f"{HOST}:{self.plan.addresses.edge}",
            self.heard_dir,
            listener=self.listener,
            environment=self.plan.environment,
            log=self.plan.run.log("softphone"),
            tell=lambda text: show.timed(text, mark="📞" if show.terminal.is_terminal else "*"),
        )
        self.resources.callback(found.close)
        return found

    def card(self, name: str) -> Card:
        """One of the demo's cards as it is now. Raises LookupError when the ledger refuses it."""
        card_id = self.core.card_id_of_serial(self.cards[name].serial)
        found = self.core.card(card_id or 0)
        if not isinstance(found, Card):
            raise LookupError(f"card {name}: {found}")
        return found

    def records(self, name: str) -> list[dict[str, Any]]:
        """The call records of one of the cards."""
        return self.core.cdrs(card_id=self.core.card_id_of_serial(self.cards[name].serial))

    def await_record(self, name: str, count: int = 1) -> dict[str, Any] | None:
        """The card's newest call record as soon as there are ``count``; None when there are not in time."""
        deadline = time.monotonic() + SETTLED_WITHIN_S
        while time.monotonic() < deadline:
            records = self.records(name)
            if len(records) >= count:
                return records[-1]
            time.sleep(0.05)
        return None

    def check_record(self, name: str, before: int, connected_s: float) -> dict[str, Any] | None:
        """The call record against the rate deck, the balance and the softphone's clock."""
        record = self.await_record(name)
        if not self.check("the call was settled", record is not None) or record is None:
            return None
        charge, seconds = int(record["charge_micros"]), int(record["seconds"])
        show.timed(
            f"call record: {record['ani']} → {record['dnis']} ({record['destination']}) by {record['carrier']}, "
            f"{seconds} s, billable {record['billable_s']} s, charge {self.money(charge)}, cost to us "
            f"{self.money(int(record['cost_micros'] or 0))}, ended by {record['ended_by']}"
        )
        wanted = price(DECKS / "retail.csv", record["dnis"], seconds)
        self.check(
            "charge and rate deck agree to the micro-unit",
            (charge, record["billable_s"], record["prefix"])
            == (wanted.charge_micros, wanted.billable_s, wanted.prefix),
            f"{wanted.billable_s} s at {wanted.rate_per_minute} a minute (prefix {wanted.prefix}) "
            f"= {self.money(wanted.charge_micros)}",
        )
        after = self.card(name).posted_micros
        self.check(
            "the balance went down by exactly the charge",
            before - after == charge,
            f"{self.money(before)} − {self.money(charge)} = {self.money(after)}",
        )
        close = abs(seconds - connected_s) <= 1.5
        self.check("the seconds are those of the caller's own clock", close, f"{seconds} s; {connected_s:.2f} s")
        return record

    def check_far_end_heard(self, since: float) -> None:
        """The other direction: what the gateway recorded holds the caller's speech."""
        self.far_end.await_event("CALL_CLOSED", since)
        files = [file for file in self.far_end.recordings() if file.stat().st_mtime >= since]
        likeness = find_part(read_wav(self.speech), read_wav(files[-1])).likeness if files else 0.0
        self.check("the far end heard the caller", likeness >= ALIKE, f"likeness {likeness:.3f}")

    def metric(self, name: str) -> float | None:
        """The sum of a metric's samples at the keeper; None when it is not there."""
        answer = http_get((HOST, self.plan.addresses.keeper_http), "/metrics", timeout_s=3.0)
        found = re.findall(rf"(?m)^{name}(?:\{{[^}}]*\}})? (\S+)$", answer[1]) if answer else []
        # A family without samples is a sum of nothing; a family that is not there is a fault.
        known = answer is not None and f"# TYPE {name} " in answer[1]
        return sum(float(value) for value in found) if found or known else None

    @staticmethod
    def money(micros: int) -> str:
        """An amount with all its six decimals."""
        return format_amount(micros, "USD")
