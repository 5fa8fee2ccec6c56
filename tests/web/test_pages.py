"""The pages, asked as a browser asks."""

import csv
import io
from pathlib import Path

import httpx
import pytest

from console.stack.mariadb import PrivateMariaDb
from tests.support.stack import await_true
from tests.web.world import VALUE, Browser, Console, running_console

PAGES = ("/live", "/cards", "/calls", "/batches", "/decks", "/charts?period=day", "/charts?period=month", "/abuse",
         "/operators", "/audit", "/account")  # fmt: skip


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_page_is_drawn_in_both_languages(console: Console, language: str) -> None:
    browser = console.operator("admin")
    browser.client.cookies.set("language", language)
    for page in PAGES:
        answer = browser.get(page)
        assert answer.status_code == 200, answer.text
        assert f'<html lang="{language}">' in answer.text


def test_a_batch_is_issued_downloaded_and_activated(console: Console) -> None:
    browser = console.operator("cashier")
    browser.get("/batches")
    form = {"product": "World", "cards": "3", "face_value": "5.00", "request_id": browser.request_id}
    answer = browser.post("/batches", form)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith("attachment")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 3
    again = browser.post("/batches", form)
    assert again.status_code == 409
    assert "shown only once" in again.text
    card = console.core.show_card(rows[0]["serial"])
    assert (card.state, card.posted_micros) == ("inactive", VALUE)
    place = f"/batches/{card.batch_id}"
    browser.get(place)
    browser.post(f"{place}/activate", {"first": rows[0]["serial"], "last": rows[1]["serial"]})
    states = [console.core.show_card(row["serial"]).state for row in rows]
    assert states == ["active", "active", "inactive"]


def test_a_cards_story_and_what_is_done_to_it(console: Console) -> None:
    card = console.card()
    browser = console.operator("cashier")
    place = f"/cards/{card.serial}"
    assert browser.get(f"/cards?q={card.serial}").headers["location"] == place
    browser.get(place)
    form = {"amount": "2.50", "note": "paid at the counter", "request_id": browser.request_id}
    for _ in range(2):  # the same form twice is one refill
        browser.post(f"{place}/refill", form)
    assert console.core.show_card(card.serial).posted_micros == VALUE + 2_500_000
    browser.get(place)
    browser.post(f"{place}/adjust", {"amount": "-1", "note": "wrong destination", "request_id": browser.request_id})
    browser.post(f"{place}/caller-ids", {"ani": "+44 20 7946 0199"})
    browser.post(f"{place}/block")
    page = browser.get(place).text
    assert "cashier1: paid at the counter" in page
    assert "442079460199" in page
    shown = console.core.show_card(card.serial)
    assert (shown.posted_micros, shown.state) == (VALUE + 1_500_000, "blocked")
    browser.post(f"{place}/unblock")
    browser.post(f"{place}/caller-ids/442079460199/remove")
    assert console.core.caller_ids(shown.card_id) == ()


def test_an_adjustment_below_nothing_is_refused_with_a_sentence(console: Console) -> None:
    card = console.card()
    browser = console.operator("cashier")
    browser.get(f"/cards/{card.serial}")
    form = {"amount": "-9", "note": "too much", "request_id": browser.request_id}
    browser.post(f"/cards/{card.serial}/adjust", form)
    assert "less than is to be taken" in browser.get(f"/cards/{card.serial}").text
    assert console.core.show_card(card.serial).posted_micros == VALUE


def test_a_card_holder_sees_refills_registers_and_chooses(console: Console) -> None:
    card, voucher = console.card(), console.card(3_000_000, "Voucher")
    holder = console.holder(card)
    page = holder.get("/card").text
    assert "$5.00" in page
    assert "83 minutes" in holder.get("/card?to=442071234567").text
    assert "do not carry" in holder.get("/card?to=12025550199").text
    holder.post("/card/refill", {"voucher": voucher.pin})
    assert "You have $8.00 now" in holder.get("/card").text
    holder.post("/card/caller-ids", {"ani": "44 20 7946 0155"})
    assert "442079460155" in holder.get("/card").text
    holder.post("/card/language", {"language": "es"})
    assert '<html lang="es">' in holder.get("/card").text
    assert console.core.show_card(card.serial).language == "es"


def test_a_deck_is_uploaded_shown_and_published(console: Console) -> None:
    browser = console.operator("manager")
    browser.get("/decks")
    text = "prefix,destination,rate_per_minute\n44,United Kingdom,0.05\n33,France,0.10\n"
    answer = upload(browser, "fresh", text)
    place = answer.headers["location"]
    page = await_page(browser, place, "ready to be published")
    assert "France" in page
    browser.post(f"{place}/publish")
    await_page(browser, place, "Published as version 1")
    assert console.core.show_deck("fresh").prefixes == 2


def test_a_deck_with_errors_is_told_line_by_line(console: Console) -> None:
    browser = console.operator("manager")
    browser.get("/decks")
    answer = upload(browser, "wrong", "prefix,destination,rate_per_minute\n44,UK,cheap\n44x,UK,0.05\n")
    page = await_page(browser, answer.headers["location"], "problems: nothing was changed")
    assert "line 2" in page
    assert "line 3" in page


def upload(browser: Browser, deck: str, text: str) -> httpx.Response:
    return browser.post(
        "/decks/import", {"deck": deck, "currency": "USD"}, files={"file": ("deck.csv", text.encode(), "text/csv")}
    )


def await_page(browser: Browser, place: str, words: str) -> str:
    await_true(lambda: words in browser.get(place).text, f"the page says {words!r}", timeout_s=60)
    return browser.page


def test_streams_of_live_calls_end_with_the_console(server: PrivateMariaDb, tmp_path: Path) -> None:
    """An orderly end: the stream says so, and the console stops without waiting for its browsers."""
    with running_console(server, tmp_path) as console:
        browser = console.operator("support")
        with browser.client.stream("GET", "/live/stream") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = stream.iter_lines()
            assert "event: calls" in iter(lines.__next__, None)
            console.server.should_exit = True
            assert "event: end" in list(lines)


def test_nobody_looks_at_live_calls_without_a_session(console: Console) -> None:
    answer = console.browser().get("/live/stream")
    assert answer.headers["location"] == "/login?next=/live/stream"
