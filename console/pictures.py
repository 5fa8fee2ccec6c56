"""``cardswitch screenshots``: the console's main pages as pictures, of a ledger with an invented month of calls.

Everything is made for it and gone afterwards: a private MariaDB, the console, a headless Chromium. The calls go the way
of real ones (authorise, journal, settlement), at times in the past.
"""

import random
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from playwright.sync_api import Browser, Page, sync_playwright

from console import show
from console.demo.network import DECKS
from console.stack.mariadb import PrivateMariaDb
from console.stack.ports import free_port
from console.stack.process import wait_until
from console.web.accounts import Accounts
from console.web.app import Server, make_server
from console.web.settings import WebSettings
from rating.cards import IssuedCard, now_us
from rating.core import RatingCore
from rating.database import Database
from rating.journal import JournalReader, JournalWriter
from rating.keeper.settle import Settler
from rating.migrate import migrate
from rating.model import Authorised, CallRequest
from rating.settings import DatabaseSettings, Settings
from rating.store import settlement, traffic

CHROMIUM = "/usr/bin/chromium"
TIMEOUT_MS = 30_000
HOUR_US, MINUTE_US, S_US = 3_600_000_000, 60_000_000, 1_000_000
SEED = 7
PASSWORD = "pictures for the manual"  # noqa: S105 - of an operator who lives for seconds
DESKTOP, PHONE = (1200, 760), (390, 844)
NUMBERS = ("442079460123", "525512345678", "50222123456", "573012345678", "34911234567", "639171234567", "421905123456")
WEIGHTS = (5, 9, 6, 4, 3, 5, 1)
BUSY = (
    1,
    1,
    1,
    1,
    1,
    2,
    3,
    5,
    6,
    7,
    8,
    8,
    9,
    9,
    8,
    8,
    9,
    11,
    13,
    14,
    12,
    9,
    5,
    2,
)  # calls by hour of the day, relative


@dataclass(slots=True)
class Month:
    """An invented month. ``now_us`` is the clock of its core, moved as its calls are placed."""

    core: RatingCore
    database: Database
    directory: Path
    now_us: int

    def furnish(self) -> list[IssuedCard]:
        """The demo's decks, two carriers, two products; the cards."""
        core = self.core
        for name in ("retail", "carrier-atlantic", "carrier-meridian"):
            core.import_deck(name, DECKS / f"{name}.csv", "USD")
        for name in ("atlantic", "meridian"):
            core.add_gateway(core.add_carrier(name, deck=f"carrier-{name}"), f"sip:192.0.2.{len(name)}:5060")
        core.create_product("Worldwide", currency="USD", deck="retail", languages={"en": 0, "es": 0}, calls_at_once=3)
        core.create_product("Pocket", currency="USD", deck="retail", refillable=False)
        core.add_trunk("northern", "192.0.2.0/28", ani_trusted=True, country="US")
        cards = core.issue_batch("Worldwide", 40, 50_000_000, exported=True)
        core.issue_batch("Pocket", 500, 5_000_000, active=False, exported=True)
        return cards

    def live_through(self, cards: list[IssuedCard], chance: random.Random, days: int) -> None:
        """Calls of so many days, then some that are going on."""
        writer, reader = JournalWriter(self.directory / "journal", "edge1"), JournalReader(self.directory / "journal")
        end = now_us()
        settler = Settler(self.database, "edge1", self.core.carrier_cost, now_us)
        ids = {card.serial: self.core.show_card(card.serial).card_id for card in cards}
        for hours_ago in range(days * 24, 0, -1):
            begin = end - hours_ago * HOUR_US
            busy = BUSY[begin // HOUR_US % 24] * (3 if hours_ago <= 24 else 1)
            for _ in range(chance.randrange(busy // 4, busy // 4 + 2)):
                self.now_us = begin + chance.randrange(HOUR_US - 20 * MINUTE_US)
                self._call(writer, chance, ids, seconds=chance.randrange(20, 1100))
            offsets = settlement.offsets(self.database, "edge1")
            settler.apply(reader.read(offsets, 10_000), offsets)
        for number in range(9):
            self.now_us = end - chance.randrange(20, 400) * S_US
            self._call(writer, chance, ids, seconds=None if number else 0)
        offsets = settlement.offsets(self.database, "edge1")
        settler.apply(reader.read(offsets, 10_000), offsets)
        for minute in range(end // MINUTE_US - days * 24 * 60, end // MINUTE_US, 20):
            at_once = BUSY[minute // 60 % 24] * 2 + chance.randrange(4)
            traffic.note_calls(self.database, minute, at_once)

    def _call(self, writer: JournalWriter, chance: random.Random, ids: dict[str, int], seconds: int | None) -> None:
        """``seconds`` None: goes on; 0: still rings."""
        serial = chance.choice(list(ids))
        dnis = chance.choices(NUMBERS, WEIGHTS)[0]
        ani = f"1202555{chance.randrange(100, 200):04d}"
        request = CallRequest(uuid4().hex, uuid4().hex, ids[serial], dnis, ani, "northern", node="edge1")
        held = self.core.authorise(request)
        if not isinstance(held, Authorised) or seconds == 0:
            return
        route = held.routes[0]
        answer_us = self.now_us + 3 * S_US
        common = {"hold": held.hold_id, "call": held.call_id, "pdd_ms": chance.randrange(300, 2500)}
        common |= {"carrier_id": route.carrier_id, "gateway_id": route.gateway_id}
        mono = answer_us // 10
        writer.append(common | {"ev": "answer", "t_us": answer_us, "mono_us": mono})
        if seconds is not None:
            lasted = min(seconds, held.limit_s) * S_US
            end = {"ev": "end", "t_us": answer_us + lasted, "mono_us": mono + lasted, "cause": 16}
            by = {"by": chance.choice(["caller", "callee"]), "answer_us": answer_us, "answer_mono_us": mono}
            writer.append(common | end | by)


@contextmanager
def pictured(days: int = 30) -> Iterator[tuple[str, Settings, list[IssuedCard]]]:
    """The running console of an invented month (or of fewer days): its address, its settings, the cards."""
    directory = Path(tempfile.mkdtemp(prefix="cspic"))
    database = PrivateMariaDb(directory / "db")
    try:
        database.start()
        database.create_database("cardswitch", user="cardswitch", password="pictures")  # noqa: S106
        ledger = DatabaseSettings(unix_socket=str(database.unix_socket), password="pictures")  # noqa: S106
        migrate(ledger)
        (directory / "pepper").write_text("p" * 64)
        (directory / "journal").mkdir()
        month = _month(ledger, directory)
        cards = month.furnish()
        month.live_through(cards, random.Random(SEED), days)
        paths = (directory / "pepper", directory / "journal", directory / "decks")
        settings = Settings(directory / "cardswitch.toml", "edge1", ledger, *paths, tables={})
        port = free_port("127.0.0.1")
        url = f"http://127.0.0.1:{port}"
        server = make_server(settings, WebSettings("127.0.0.1", port, url, directory / "work"))
        with _served(server):
            yield url, settings, cards
    finally:
        database.stop()
        shutil.rmtree(directory, ignore_errors=True)


def _month(ledger: DatabaseSettings, directory: Path) -> Month:
    pepper = (directory / "pepper").read_bytes()
    clock: dict[str, Any] = {}
    core = RatingCore(
        ledger, pepper=pepper, deck_directory=directory / "decks", clock_us=lambda: int(clock["month"].now_us)
    )
    month = Month(core, Database(ledger), directory, now_us() - 31 * 24 * HOUR_US)
    clock["month"] = month
    return month


@contextmanager
def _served(server: Server) -> Iterator[None]:
    thread = threading.Thread(target=server.run, name="console", daemon=True)
    thread.start()
    try:
        if not wait_until(lambda: server.started, 30):
            raise RuntimeError("the console does not start")
        yield
    finally:
        server.should_exit = True
        thread.join(20)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's, headless; surely ended afterwards."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"], timeout=60_000
        )
        try:
            yield browser
        finally:
            browser.close()


def new_page(browser: Browser, url: str, *, size: tuple[int, int] = DESKTOP, dark: bool, language: str = "en") -> Page:
    """A page with a window, colours and a language of its own, and a time-out on everything."""
    context = browser.new_context(
        base_url=url,
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        locale=language,
        reduced_motion="reduce",
    )
    context.set_default_timeout(TIMEOUT_MS)
    return context.new_page()


def log_in(page: Page, name: str, password: str) -> None:
    """As an operator."""
    page.goto("/login")
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", password)
    page.click("main button")
    page.wait_for_url("**/live")


def log_in_card(page: Page, card: IssuedCard) -> None:
    """As a card holder."""
    page.goto("/card/login")
    page.fill("input[name=serial]", card.serial)
    page.fill("input[name=pin]", card.pin)
    page.click("main button")
    page.wait_for_url("**/card")


def take_pictures(directory: Path) -> list[Path]:
    """Takes them all; where they are. Raises playwright's errors."""
    directory.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []

    def shoot(page: Page, name: str) -> None:
        path = directory / f"{name}.png"
        page.screenshot(path=path, animations="disabled", caret="hide")
        made.append(path)
        show.plain(f"{path} {path.stat().st_size // 1024} kB")

    with pictured() as (url, settings, cards), chromium() as browser:
        add_operator(settings.database)
        core = RatingCore.from_settings(settings)
        busiest = max(cards, key=lambda card: len(core.entries(core.show_card(card.serial).card_id)))
        core.register_ani(core.show_card(busiest.serial).card_id, "12025550142")
        page = new_page(browser, url, dark=False)
        log_in(page, "admin", PASSWORD)
        page.wait_for_selector("#live tbody tr")
        shoot(page, "live")
        page.goto(f"/cards/{busiest.serial}")
        shoot(page, "card")
        page.goto("/decks")
        _upload(page)
        shoot(page, "deck")
        page.context.close()
        page = new_page(browser, url, dark=True)
        log_in(page, "admin", PASSWORD)
        page.goto("/charts?period=month")
        shoot(page, "charts")
        page.context.close()
        for name, dark, language in (("holder", False, "en"), ("holder-dark", True, "es")):
            page = new_page(browser, url, size=PHONE, dark=dark, language=language)
            log_in_card(page, busiest)
            shoot(page, name)
            page.context.close()
    return made


def add_operator(ledger: DatabaseSettings) -> None:
    """``admin``, with PASSWORD."""
    accounts = Accounts(Database(ledger))
    accounts.add_operator("admin", "admin")
    accounts.change_password(accounts.operator_named("admin")["operator_id"], PASSWORD)


def _upload(page: Page) -> None:
    """The retail deck with other prices, as a preview."""
    file = Path(tempfile.mkdtemp(prefix="cspic")) / "retail-december.csv"
    lines = (DECKS / "retail.csv").read_text().splitlines()
    chance = random.Random(SEED)
    changed = [line.replace(",0.0", ",0.1", 1) if chance.random() < 0.1 else line for line in lines[1:]]
    file.write_text("\n".join([lines[0], *(line for line in changed if chance.random() > 0.02)]) + "\n")
    try:
        page.fill("input[name=deck]", "retail")
        page.set_input_files("input[name=file]", file)
        page.get_by_role("button", name="Upload").click()
        page.get_by_role("button", name="Publish").wait_for()
    finally:
        shutil.rmtree(file.parent)


def run_screenshots(directory: Path) -> int:
    """0 when all were taken."""
    began = time.monotonic()
    made = take_pictures(directory)
    show.plain(f"{len(made)} pictures in {time.monotonic() - began:.0f} s")
    return 0
