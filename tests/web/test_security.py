"""The console against those who mean it ill: OWASP ASVS level 1 as far as it applies, each with what it would cost."""

import http.client
import json
import re
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pyotp
import pytest
from argon2 import PasswordHasher, extract_parameters

from console.web.accounts import Accounts, Kind
from console.web.app import PAGES
from console.web.guard import POLICY
from console.web.limits import RateLimit
from console.web.pages.view import local_path
from console.web.sheets import csv_line, harmless
from rating.core import RatingCore
from rating.database import Database
from rating.store import accounts as store
from tests.web.test_pages import await_page, upload
from tests.web.world import PASSWORD, TIMEOUT_S, VALUE, Console

MONEY_FORMS = ("/refill", "/adjust")
LEDGER_TABLES = ("card", "entry", "operator", "web_session", "api_token", "audit", "batch", "pin_guard")


# passwords and sessions


def test_passwords_are_kept_as_argon2id_as_rfc_9106_recommends(console: Console) -> None:
    accounts = Accounts(Database(console.settings.database))
    password = accounts.add_operator("hashed", "support")
    row = store.operator(Database(console.settings.database), "hashed")
    assert row is not None
    assert row["password_hash"].startswith("$argon2id$")
    shape = extract_parameters(row["password_hash"])
    assert (shape.time_cost, shape.memory_cost) >= (3, 65_536)
    assert password not in json.dumps(row, default=str)


def test_a_given_password_is_good_once_and_then_has_to_be_changed(console: Console) -> None:
    password = console.accounts.add_operator("newcomer", "cashier")
    browser = console.browser()
    answer = browser.post("/login", {"name": "newcomer", "password": password}, token=False)
    assert answer.headers["location"] == "/account"
    assert browser.get("/live").headers["location"] == "/account"
    assert console.browser().post("/login", {"name": "newcomer", "password": password}, token=False).status_code == 403
    browser.get("/account")
    weak = browser.post("/account/password", {"new": "short", "again": "short"})
    assert weak.status_code == 422
    old_cookie = browser.client.cookies["operator_session"]
    answer = browser.post("/account/password", {"new": PASSWORD, "again": PASSWORD})
    assert answer.headers["location"] == "/live"
    assert browser.client.cookies["operator_session"] != old_cookie
    assert browser.get("/live").status_code == 200


def test_a_session_set_by_somebody_else_is_worth_nothing_after_the_log_in(console: Console) -> None:
    """Session fixation: the cookie that came with the log-in is not the one that is logged in."""
    console.operator("support")
    browser = console.browser()
    browser.client.cookies.set("operator_session", "chosen-by-an-attacker")
    browser.post("/login", {"name": "support1", "password": PASSWORD}, token=False)
    fixed = httpx.get(f"{console.url}/live", cookies={"operator_session": "chosen-by-an-attacker"}, timeout=TIMEOUT_S)
    assert fixed.headers["location"].startswith("/login")


def test_logging_in_again_ends_the_session_before(console: Console) -> None:
    browser = console.operator("support")
    before = browser.client.cookies["operator_session"]
    browser.post("/login", {"name": "support1", "password": PASSWORD}, token=False)
    assert console.accounts.session(before, Kind.OPERATOR) is None


def test_sessions_expire_idle_and_at_the_latest(console: Console) -> None:
    now = [10**15]
    accounts = Accounts(Database(console.settings.database), clock_us=lambda: now[0])
    session = accounts.begin_session(Kind.OPERATOR, 1)
    for _ in range(30):
        now[0] += 20 * 60 * 10**6
        found = accounts.session(session.cookie, Kind.OPERATOR)
    assert found is not None
    now[0] += 31 * 60 * 10**6
    assert accounts.session(session.cookie, Kind.OPERATOR) is None
    busy = accounts.begin_session(Kind.OPERATOR, 1)
    for _ in range(36):
        now[0] += 20 * 60 * 10**6
        accounts.session(busy.cookie, Kind.OPERATOR)
    now[0] += 60 * 10**6
    assert accounts.session(busy.cookie, Kind.OPERATOR) is None


def test_a_disabled_operator_is_out_at_once(console: Console) -> None:
    password = console.accounts.add_operator("leaver", "manager")
    console.accounts.change_password(console.accounts.operator_named("leaver")["operator_id"], PASSWORD)
    assert password
    browser = console.browser()
    browser.post("/login", {"name": "leaver", "password": PASSWORD}, token=False)
    assert browser.get("/live").status_code == 200
    console.accounts.set_disabled("leaver", True)
    assert browser.get("/live").headers["location"].startswith("/login")


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(console: Console) -> None:
    console.operator("support")
    answer = console.browser().post("/login", {"name": "support1", "password": PASSWORD}, token=False)
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_a_second_factor_is_asked_for_and_a_code_counts_once(console: Console) -> None:
    console.accounts.add_operator("careful", "support")
    operator_id = console.accounts.operator_named("careful")["operator_id"]
    console.accounts.change_password(operator_id, PASSWORD)
    secret = pyotp.random_base32()
    totp = pyotp.TOTP(secret)
    now = int(time.time())
    assert not console.accounts.set_totp(operator_id, secret, "000000" if totp.at(now) != "000000" else "111111")
    assert console.accounts.set_totp(operator_id, secret, totp.at(now))
    log_in = console.accounts.log_in
    assert log_in("careful", PASSWORD, "") is None
    assert log_in("careful", PASSWORD, totp.at(now)) is None  # used when it was set up
    assert log_in("careful", PASSWORD, totp.at(now + 30)) is not None
    assert log_in("careful", PASSWORD, totp.at(now + 30)) is None


def test_guessing_an_operators_password_locks_it_for_longer_and_longer(console: Console) -> None:
    now = [2 * 10**15]
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    accounts = Accounts(Database(console.settings.database), clock_us=lambda: now[0], hasher=cheap)
    accounts.add_operator("guessed", "support")
    accounts.change_password(accounts.operator_named("guessed")["operator_id"], PASSWORD)
    for _ in range(5):
        assert accounts.log_in("guessed", "wrong", "") is None
    assert accounts.log_in("guessed", PASSWORD, "") is None  # right, but locked
    now[0] += 61 * 10**6
    assert accounts.log_in("guessed", "wrong", "") is None
    now[0] += 61 * 10**6
    assert accounts.log_in("guessed", PASSWORD, "") is None  # twice as long now
    now[0] += 61 * 10**6
    assert accounts.log_in("guessed", PASSWORD, "") is not None


def test_an_unknown_name_is_the_same_work_as_a_wrong_password(console: Console, counted: "Counted") -> None:
    console.operator("support")
    unknown = counted.of(lambda: console.accounts.log_in("nobody-here", "wrong", ""))
    wrong = counted.of(lambda: console.accounts.log_in("support1", "wrong", ""))
    assert unknown == wrong
    console.accounts.log_in("support1", PASSWORD, "")


def test_log_ins_are_limited_by_address(own_console: Console) -> None:
    own_console.server.config.app._app.state.services.logins = RateLimit(0.001, 3)  # type: ignore[union-attr]
    answers = [
        own_console.browser().post("/login", {"name": "x", "password": "y"}, token=False).status_code for _ in range(4)
    ]
    assert answers == [403, 403, 403, 429]
    assert own_console.browser().post("/card/login", {"serial": "1", "pin": "1"}, token=False).status_code == 429


# forms


def test_forms_of_other_sites_are_refused(console: Console) -> None:
    """CSRF: another origin, no origin, no token, another session's token."""
    card = console.card()
    browser, other = console.operator("cashier"), console.operator("cashier")
    place = f"/cards/{card.serial}/block"
    browser.get("/account")
    other.get("/account")
    assert browser.post(place, origin="https://evil.example").status_code == 403
    assert browser.post(place, origin="null").status_code == 403
    assert browser.post(place, origin="").status_code == 403
    assert browser.post(place, token=False).status_code == 403
    assert browser.post(place, {"form_token": other.form_token}, token=False).status_code == 403
    assert console.core.show_card(card.serial).state == "active"
    login = console.browser().post("/login", {"name": "x", "password": "y"}, token=False, origin="https://evil.example")
    assert "not come from this site" in login.text


def test_every_form_demands_origin_and_token(console: Console) -> None:
    """Not one of them forgot: each POST of a page, without the token, is refused before anything else."""
    browser, holder = console.operator("admin"), console.holder(console.card())
    posts = [route.path for page in PAGES for route in page.router.routes if "POST" in route.methods]  # type: ignore[attr-defined]
    assert len(posts) > 20
    for path in posts:
        if path in {"/login", "/card/login"}:
            continue
        filled = re.sub(r"\{[a-z_]+\}", "1" * 32, path)
        who = holder if path.startswith("/card/") else browser
        answer = who.client.post(filled, data={}, headers={"Origin": console.url})
        assert answer.status_code in {403, 422}, f"{path}: {answer.status_code}"
        if answer.status_code == 422:  # something of the path or form was looked at first; nothing was done
            assert "form" in answer.text or "path" in answer.text


def test_support_sees_no_money_buttons_and_the_server_refuses_them_too(console: Console) -> None:
    card = console.card()
    support = console.operator("support")
    page = support.get(f"/cards/{card.serial}").text
    assert "/block" in page
    for form in MONEY_FORMS:
        assert f"{card.serial}{form}" not in page
        answer = support.post(f"/cards/{card.serial}{form}", {"amount": "5", "note": "x", "request_id": "0" * 32})
        assert answer.status_code == 403
        support.get(f"/cards/{card.serial}")
    assert (
        support.post(
            "/batches", {"product": "World", "cards": 1, "face_value": "5", "request_id": "0" * 32}
        ).status_code
        == 403
    )
    for place in ("/operators", "/audit"):
        assert support.get(place).status_code == 403
    assert console.core.show_card(card.serial).posted_micros == VALUE
    denied = console.accounts._database.rows("SELECT actor FROM audit WHERE action = 'denied'")
    assert any(row["actor"] == "operator support1" for row in denied)


def test_links_lead_nowhere_else(console: Console) -> None:
    for evil in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/%0d%0aX: y\r\n"):
        assert local_path(evil, "/safe") == "/safe"
    assert local_path("/cards/1?q=2", "/") == "/cards/1?q=2"
    answer = console.browser().get("/language/es?back=//evil.example")
    assert answer.headers["location"] == "/"


# card holders


def test_a_card_holder_reaches_nobody_elses_card(console: Console) -> None:
    """IDOR: no page of a holder takes a card from the request, and what is another's is as unknown as nothing."""
    mine, theirs = console.card(), console.card()
    console.core.register_ani(console.card_id(theirs), "442079460777")
    holder = console.holder(mine)
    page = holder.get(f"/card?serial={theirs.serial}&card_id={console.card_id(theirs)}").text.split("<main")[1]
    assert theirs.serial not in page.replace(" ", "")
    assert holder.post("/card/caller-ids/442079460777/remove").status_code == 404
    holder.get("/card")
    assert holder.post("/card/caller-ids/442079460778/remove").status_code == 404
    assert console.core.caller_ids(console.card_id(theirs)) == ("442079460777",)
    for operators_only in ("/live", f"/cards/{mine.serial}", "/live/stream", "/calls.csv"):
        assert holder.get(operators_only).headers["location"].startswith("/login")
    stolen = console.browser()
    stolen.client.cookies.set("operator_session", holder.client.cookies["card_session"])
    assert stolen.get("/live").headers["location"].startswith("/login")


def test_serials_cannot_be_found_out(own_console: Console, counted: "Counted") -> None:
    """An unknown serial, a wrong PIN and another card's PIN: the same page, the same statements, the same work in the
    database, counted the same."""
    first, second = own_console.card(), own_console.card()
    core = own_console.core
    core.log_in_card("888888888888", "5" * 12, trunk="web")  # the rows of the trunk and of all together are there now
    attempts = {
        "nobody": ("999999999999", "5" * 12),
        "wrong": (first.serial, "1" * 12),
        "other": (second.serial, first.pin),
    }
    work, pages = {}, {}
    for name, (serial, pin) in attempts.items():
        before = handlers(core)
        statements = counted.of(lambda: core.log_in_card(serial, pin, trunk="web"))  # noqa: B023 - called at once
        after = handlers(core)
        work[name] = statements, {key: after[key] - before[key] for key in after}
        answer = own_console.browser().post("/card/login", {"serial": serial, "pin": pin}, token=False)
        pages[name] = (answer.status_code, answer.text.replace(serial, "SERIAL"))
    assert pages["nobody"] == pages["wrong"] == pages["other"]
    assert pages["nobody"][0] == 403
    assert work["nobody"] == work["wrong"] == work["other"]
    assert sum(work["nobody"][1].values()) > 0
    guard = core._slow.rows(
        "SELECT subject, failures FROM pin_guard WHERE scope = 'ani' AND subject <> 's888888888888'"
    )
    assert {row["subject"]: row["failures"] for row in guard} == {f"s{serial}": 2 for serial, _ in attempts.values()}


def handlers(core: RatingCore) -> dict[str, int]:
    """What the database's storage engine was asked for by this thread's connection: reads, writes, updates."""
    rows = core._database.rows("SHOW SESSION STATUS LIKE 'Handler_%%'")
    # Not the rows scanned (read_rnd_next): the guard's table, being small, is, and each attempt adds a row to it.
    kinds = ("Handler_read_key", "Handler_write", "Handler_update", "Handler_delete")
    return {row["Variable_name"]: int(row["Value"]) for row in rows if row["Variable_name"].startswith(kinds)}


def test_wrong_pins_of_the_web_and_of_the_ivr_are_one_count(own_console: Console) -> None:
    """Both count altogether; a serial that was guessed at is locked for the right PIN, too."""
    card = own_console.card()
    for _ in range(3):
        own_console.browser().post("/card/login", {"serial": card.serial, "pin": "2" * 12}, token=False)
    answer = own_console.browser().post("/card/login", {"serial": card.serial, "pin": card.pin}, token=False)
    assert "Too many wrong PINs" in answer.text
    own_console.core.enter_pin("3" * 12, ani=None, trunk="carrier")
    rows = own_console.core._slow.rows("SELECT * FROM pin_guard WHERE scope = 'all'")
    assert rows[0]["failures"] == 4


def test_vouchers_are_guarded_as_pins_are(own_console: Console) -> None:
    card, voucher = own_console.card(), own_console.card(1_000_000, "Voucher")
    holder = own_console.holder(card)
    for _ in range(3):
        holder.get("/card")
        holder.post("/card/refill", {"voucher": "4" * 12})
    holder.get("/card")
    holder.post("/card/refill", {"voucher": voucher.pin})
    assert "Too many wrong PINs" in holder.get("/card").text
    assert own_console.core.show_card(card.serial).posted_micros == VALUE


# input and output


INJECTIONS = (
    "' OR 1=1 -- ",
    '"; DROP TABLE card; --',
    "\\",
    "%27",
    "1) UNION SELECT pin_hash FROM card --",
    "\x00",
    "{{7*7}}",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "\u202e",
    "%s%s%n",
    "*" * 40,
)


@pytest.mark.parametrize("evil", INJECTIONS)
def test_what_is_typed_is_text_and_nothing_else(console: Console, evil: str) -> None:
    """SQL, templates, markup, paths: searched, logged, shown, never executed."""
    browser = console.operator("admin")
    card = console.card()
    for path, name in (
        ("/cards", "q"),
        ("/calls", "number"),
        ("/calls", "ani"),
        ("/audit", "subject"),
        ("/calls", "since"),
    ):
        answer = browser.client.get(path, params={name: evil[:20]})
        assert answer.status_code in {200, 303, 422}, (path, answer.text)
        assert "<script>alert" not in answer.text
        assert 'value="49"' not in answer.text
    browser.get(f"/cards/{card.serial}")
    form = {"amount": "1", "note": evil[:100], "request_id": browser.request_id}
    browser.post(f"/cards/{card.serial}/refill", form)
    page = browser.get(f"/cards/{card.serial}").text
    assert "<script>alert" not in page
    assert console.core.check().ok
    assert len(console.core._slow.rows("SHOW TABLES LIKE 'card'")) == 1


HOSTILE_DECKS = (
    "\x00\x01\x02",
    "prefix,destination,rate_per_minute\n44," + "x" * 100_000 + ",1\n",
    "a" * 200_000,
    'prefix,destination,rate_per_minute\n44,"unclosed,0.05\n',
    "prefix\n" + "4\n" * 20_000,
    "\ufeff,,,\n",
)


@pytest.mark.parametrize("number", range(len(HOSTILE_DECKS)))
def test_hostile_decks_are_refused(console: Console, number: int) -> None:
    browser = console.operator("manager")
    browser.get("/decks")
    place = upload(browser, "hostile", HOSTILE_DECKS[number]).headers["location"]
    page = await_page(browser, place, "nothing was changed")
    assert "Publish</button>" not in page
    assert "hostile" not in {deck.name for deck in console.core.list_decks()}


def test_nothing_becomes_a_formula(console: Console) -> None:
    for cell in ("=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1"):
        assert harmless(cell) == f"'{cell}"
    for cell in ("-0.5", "442071234567", "London", "", None, -5):
        assert harmless(cell) == cell
    assert csv_line(["=HYPERLINK(1)", "-1.25"]) == "'=HYPERLINK(1),-1.25\r\n"
    browser = console.operator("manager")
    browser.get("/decks")
    text = 'prefix,destination,rate_per_minute\n44,"=HYPERLINK(""http://evil"")",0.05\n'
    place = upload(browser, "formula", text).headers["location"]
    await_page(browser, place, "ready to be published")
    browser.post(f"{place}/publish")
    await_page(browser, place, "Published as version")
    assert "44,=HYPER" not in browser.get("/decks/formula/csv").text
    assert "'=HYPERLINK" in browser.get("/decks/formula/csv").text


def test_nobody_without_the_right_puts_a_file_on_the_disk(console: Console) -> None:
    work = console.web.work_dir
    before = set(work.iterdir()) if work.exists() else set()
    browser = console.operator("cashier")
    browser.get("/account")
    assert upload(browser, "x", "y" * 100).status_code == 403
    assert (set(work.iterdir()) if work.exists() else set()) == before


def test_headers_keep_scripts_frames_and_caches_out(console: Console) -> None:
    for path in ("/login", "/card/login", "/static/page.js", "/api/v1/cards", "/nothing-here"):
        headers = httpx.get(console.url + path, timeout=TIMEOUT_S).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "server" not in headers
        if not path.startswith("/static"):
            assert headers["cache-control"] == "no-store"


def test_no_page_has_a_script_or_style_of_its_own() -> None:
    for file in (Path(__file__).parents[2] / "console" / "web" / "templates").glob("*.html"):
        text = file.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), file.name
        assert not re.search(r"\son[a-z]+=|\sstyle=|<style|javascript:", text), file.name
        assert "|safe" not in text.replace(" ", ""), file.name


def test_other_names_of_this_host_are_not_served(console: Console) -> None:
    answer = httpx.get(f"{console.url}/login", headers={"Host": "rebound.evil.example"}, timeout=TIMEOUT_S)
    assert answer.status_code == 421


def test_large_bodies_are_refused_unread(console: Console) -> None:
    headers = {"Origin": console.url, "Content-Type": "application/x-www-form-urlencoded"}
    with closing(http.client.HTTPConnection(console.web.host, console.web.port, timeout=TIMEOUT_S)) as connection:
        connection.putrequest("POST", "/login")
        connection.putheader("Content-Length", "300000")
        connection.endheaders()  # the answer comes before any of the body does
        assert connection.getresponse().status == 413

    def pieces():  # type: ignore[no-untyped-def]
        yield b"name=x"

    assert httpx.post(f"{console.url}/login", content=pieces(), headers=headers, timeout=TIMEOUT_S).status_code == 411


def test_metrics_name_nobody(console: Console) -> None:
    text = httpx.get(f"{console.url}/metrics", timeout=TIMEOUT_S).text
    assert "cardswitch_console_requests_total" in text
    assert not re.search(r"\d{12}", "".join(re.findall(r"\{[^}]*\}", text)))


# the trail


def test_the_trail_knows_who_did_what_and_no_secret(console: Console) -> None:
    card = console.card()
    browser = console.operator("cashier")
    browser.get(f"/cards/{card.serial}")
    form = {"amount": "3", "note": "goodwill", "request_id": browser.request_id}
    browser.post(f"/cards/{card.serial}/refill", form)
    console.holder(card)
    wrong = "918273645546"  # no serial of another test's
    console.browser().post("/card/login", {"serial": card.serial, "pin": wrong}, token=False)
    rows = console.accounts._database.rows("SELECT * FROM audit")
    mine = [(row["actor"], row["action"], row["detail"]) for row in rows if row["subject"] == card.serial]
    assert ("operator cashier1", "card.refill", "3: goodwill") in mine
    everything = json.dumps(rows, default=str)
    for secret in (card.pin, PASSWORD, wrong, *console.passwords.values()):
        assert secret not in everything


def test_the_trail_cannot_be_rewritten(console: Console) -> None:
    database = Database(console.settings.database)
    console.browser().post("/login", {"name": "x", "password": "y"}, token=False)
    for statement in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit"):
        with pytest.raises(Exception, match="append-only"):
            database.rows(statement)


def test_no_secret_is_stored_in_the_clear(console: Console) -> None:
    """Passwords, tokens, cookies, PINs: searched for in every table of the console and of the cards."""
    card = console.card()
    holder = console.holder(card)
    token = console.token("read")
    database = Database(console.settings.database)
    found = {table: database.rows(f"SELECT * FROM {table}") for table in LEDGER_TABLES}  # noqa: S608
    everything = json.dumps(found, default=str)
    for secret in (card.pin, token, PASSWORD, holder.client.cookies["card_session"]):
        assert secret not in everything


# help for the tests


class Counted:
    """Counts the statements that reach the ledger from this thread, by their text."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[str] = []
        self.thread = threading.get_ident()
        rows, verify = Database.rows, PasswordHasher.verify

        def counting(database: Database, sql: str, arguments=()):  # type: ignore[no-untyped-def]
            if threading.get_ident() == self.thread:  # the console's own threads look at the ledger, too
                self.seen.append(sql)
            return rows(database, sql, arguments)

        def verifying(hasher, hashed, password):  # type: ignore[no-untyped-def]
            self.seen.append("argon2 " + hashed.rsplit("$", 2)[0])
            return verify(hasher, hashed, password)

        monkeypatch.setattr(Database, "rows", counting)
        monkeypatch.setattr(PasswordHasher, "verify", verifying)

    def of(self, act: Callable[[], object]) -> list[str]:
        self.seen.clear()
        act()
        return list(self.seen)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)
