"""A console over a real ledger, served by a real server in this process, and programs and people who use it."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher

from console.stack.mariadb import PrivateMariaDb
from console.stack.ports import free_port
from console.web.accounts import Accounts
from console.web.app import Server, make_server
from console.web.rights import ROLES
from console.web.settings import WebSettings
from rating.cards import IssuedCard
from rating.core import RatingCore
from rating.database import Database
from rating.deck import DeckRow, DeckTable, DeckTerms
from rating.rate import flat_rate
from rating.settings import Settings
from tests.support.mariadb import fresh_ledger
from tests.support.stack import await_true

PASSWORD = "a long enough password"
SECRET = b"0123456789abcdef0123456789abcdef"
VALUE = 5_000_000
LONDON = "442071234567"
TIMEOUT_S = 20.0
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # what passwords cost is tested by itself
FORM_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
REQUEST_ID = re.compile(r'name="request_id" value="([^"]+)"')


@dataclass
class Console:
    """The running console. ``url`` is where it is."""

    settings: Settings
    web: WebSettings
    server: Server
    url: str
    core: RatingCore
    accounts: Accounts
    passwords: dict[str, str] = field(default_factory=dict)

    def token(self, *scopes: str, name: str = "") -> str:
        """A new token with these scopes (all rights without any)."""
        wanted = list(scopes) or [str(right) for right in ROLES["admin"]]
        return self.accounts.add_token(name or f"t{len(self.accounts.tokens())}", wanted, "tests")

    def program(self, *scopes: str) -> httpx.Client:
        """A client of the API with a token of its own."""
        headers = {"Authorization": f"Bearer {self.token(*scopes)}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=TIMEOUT_S)

    def operator(self, role: str) -> "Browser":
        """An operator of that role, logged in."""
        name = f"{role}1"
        if name not in self.passwords:
            self.accounts.add_operator(name, role)
            self.accounts.change_password(self.accounts.operator_named(name)["operator_id"], PASSWORD)
            self.passwords[name] = PASSWORD
        browser = self.browser()
        answer = browser.post("/login", {"name": name, "password": PASSWORD}, token=False)
        assert answer.headers["location"] == "/live", answer.text
        return browser

    def holder(self, card: IssuedCard) -> "Browser":
        """A card holder, logged in."""
        browser = self.browser()
        answer = browser.post("/card/login", {"serial": card.serial, "pin": card.pin}, token=False)
        assert answer.headers["location"] == "/card", answer.text
        return browser

    def holder_of(self, printed: dict[str, str]) -> "Browser":
        """The same for a card as the API issued it."""
        return self.holder(IssuedCard(printed["serial"], printed["pin"]))

    def browser(self) -> "Browser":
        return Browser(self.url)

    def card(self, micros: int = VALUE, product: str = "World") -> IssuedCard:
        return self.core.issue_batch(product, 1, micros)[0]

    def card_id(self, card: IssuedCard) -> int:
        found: int = self.core.show_card(card.serial).card_id
        return found


class Browser:
    """What of a browser matters here: cookies, the Origin of forms, the form's token from the page before."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=TIMEOUT_S)
        self.page = ""

    def get(self, path: str) -> httpx.Response:
        answer = self.client.get(path)
        self.page = answer.text
        return answer

    def post(
        self,
        path: str,
        data: dict[str, Any] | None = None,
        *,
        token: bool = True,
        origin: str | None = None,
        **more: Any,
    ) -> httpx.Response:
        """Sends a form; with ``token`` the one of the page seen last."""
        values = dict(data or {})
        if token:
            values |= {"form_token": self.form_token}
        headers = {"Origin": self.url if origin is None else origin}
        answer = self.client.post(path, data=values, headers=headers, **more)
        if FORM_TOKEN.search(answer.text):
            self.page = answer.text
        return answer

    @property
    def form_token(self) -> str:
        found = FORM_TOKEN.search(self.page)
        assert found, f"no form on this page: {self.page[:300]}"
        return found[1]

    @property
    def request_id(self) -> str:
        found = REQUEST_ID.search(self.page)
        assert found
        return found[1]


def furnish(core: RatingCore) -> None:
    """A small world: a deck, a product, a voucher, a carrier, an access number."""
    rows = [DeckRow("44", "United Kingdom", flat_rate(60_000, 60, 60).pack())]
    core.publish_deck(DeckTable.from_rows(DeckTerms("retail", "USD"), rows))
    core.publish_deck(DeckTable.from_rows(DeckTerms("cost", "USD"), rows))
    core.create_product("World", currency="USD", deck="retail", languages=("en", "es"))
    core.create_product("Voucher", currency="USD", deck="retail", voucher=True)
    core.create_product("Once", currency="USD", deck="retail", refillable=False)
    core.add_gateway(core.add_carrier("Acme", deck="cost"), "sip:192.0.2.7:5060")
    core.add_access_number("12025550100", "Washington", country="US", languages=("en",))


@contextmanager
def running_console(server: PrivateMariaDb, directory: Path, **web: Any) -> Iterator[Console]:
    """A console over a fresh ledger; both are gone afterwards."""
    with fresh_ledger(server) as ledger:
        pepper = directory / "pepper"
        pepper.write_text("p" * 64)
        settings = Settings(directory / "x.toml", "edge1", ledger, pepper, directory, directory / "decks", {})
        port = free_port("127.0.0.1")
        url = f"http://127.0.0.1:{port}"
        limits = {"requests_per_s": 10_000.0, "burst": 100_000, "logins_per_min": 10_000} | web
        chosen = WebSettings(
            host="127.0.0.1", port=port, url=url, work_dir=directory / "work", webhooks={"acme": SECRET}, **limits
        )
        running = make_server(settings, chosen, CHEAP)
        thread = threading.Thread(target=running.run, name="console", daemon=True)
        core = RatingCore.from_settings(settings)
        furnish(core)
        thread.start()
        try:
            await_true(lambda: running.started or not thread.is_alive(), "the console listens", timeout_s=30)
            assert running.started
            yield Console(settings, chosen, running, url, core, Accounts(Database(ledger), hasher=CHEAP))
        finally:
            running.should_exit = True
            thread.join(30)
            assert not thread.is_alive(), "the console did not end"
