"""The pages in a real browser: headless Chromium, driven by Playwright; every wait of it has an end."""

import random
import threading
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from console.pictures import (
    PASSWORD,
    PHONE,
    TIMEOUT_MS,
    add_operator,
    chromium,
    log_in,
    log_in_card,
    new_page,
    pictured,
)
from rating.cards import IssuedCard
from rating.core import RatingCore
from rating.deck import DeckTable, DeckTerms
from rating.settings import Settings
from tests.support.stack import await_true

LOOKS = list(product((False, True), ("en", "es")))  # dark, language
MAIN_PAGES = ("/live", "/cards", "CARD", "/batches", "/decks", "/charts?period=month")
OTHER_PAGES = ("/calls", "/abuse", "/operators", "/audit", "/account")
COMPLAINTS = {"error", "warning"}
ROWS = 200_000


class Scene:
    """A console with a day of calls, and a browser."""

    def __init__(self, url: str, settings: Settings, cards: list[IssuedCard], browser: Browser) -> None:
        self.url, self.settings, self.cards, self.browser = url, settings, cards, browser
        self.core = RatingCore.from_settings(settings)

    def page(self, *, dark: bool = False, language: str = "en", phone: bool = False) -> Page:
        size = {"size": PHONE} if phone else {}
        return new_page(self.browser, self.url, dark=dark, language=language, **size)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    expect.set_options(timeout=TIMEOUT_MS)
    with pictured(days=1) as (url, settings, cards), chromium() as browser:
        add_operator(settings.database)
        yield Scene(url, settings, cards, browser)


def serious(page: Page) -> list[str]:
    """What axe-core finds serious or critical on the page, as sentences."""
    found = Axe().run(page).response["violations"]
    return [
        f"{page.url}: {each['help']}: {node['html'][:120]}"
        for each in found
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"][:3]
    ]


@pytest.mark.parametrize(("dark", "language"), LOOKS, ids=str)
def test_axe_finds_nothing_serious(scene: Scene, dark: bool, language: str) -> None:
    """Light and dark, English and Spanish: the main pages in each, the others in two of them. And the browser complains
    of nothing: no script that the policy stopped, none that failed."""
    wrong: list[str] = []
    page = scene.page(dark=dark, language=language)
    page.on("console", lambda message: wrong.append(message.text) if message.type in COMPLAINTS else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto("/login")
    wrong += serious(page)
    log_in(page, "admin", PASSWORD)
    page.wait_for_selector("#live tbody tr")
    others = OTHER_PAGES if dark == (language == "es") else ()
    for path in MAIN_PAGES + others:
        page.goto(f"/cards/{scene.cards[0].serial}" if path == "CARD" else path)
        assert page.locator("html").get_attribute("lang") == language
        wrong += serious(page)
    page.context.close()
    page = scene.page(dark=dark, language=language, phone=True)
    page.goto("/card/login")
    wrong += serious(page)
    log_in_card(page, scene.cards[0])
    wrong += serious(page)
    width = page.evaluate("document.documentElement.scrollWidth")
    page.context.close()
    assert wrong == []
    assert width <= PHONE[0], "the page is wider than the telephone"


def test_everything_is_reached_by_keyboard(scene: Scene) -> None:
    """The first stop skips to the content; a card is found and its page opened without a mouse."""
    page = scene.page()
    log_in(page, "admin", PASSWORD)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    page.goto("/cards")
    page.keyboard.type(scene.cards[1].serial[-6:])
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/cards/{scene.cards[1].serial}")
    page.context.close()


def test_the_live_table_moves_and_keeps_the_focus(scene: Scene) -> None:
    """Cells change every second, rows stay: whoever has tabbed to a button stays there."""
    page = scene.page()
    log_in(page, "admin", PASSWORD)
    row = page.locator("#live tbody tr").filter(has=page.locator("button:enabled")).first
    row.locator("button").focus()
    before = row.locator("[data-cell=time]").inner_text()
    expect(row.locator("[data-cell=time]")).not_to_have_text(before, timeout=TIMEOUT_MS)
    assert page.evaluate("document.activeElement.closest('tr').dataset.id") == row.get_attribute("data-id")
    page.context.close()


def test_a_deck_of_200_000_rows_is_imported_through_the_page(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Upload, progress that moves (the reading waits at the half until the page has shown it), changes, publish."""
    file = tmp_path / "large.csv"
    write_deck(file, ROWS)
    shown = threading.Event()
    read_deck = RatingCore.read_deck

    def halting(core: RatingCore, path: Path, terms: DeckTerms, progress: Callable[[int, int], None]) -> DeckTable:
        def halt(done: int, total: int) -> None:
            progress(done, total)
            if 2 * done >= total:
                shown.wait(60)

        return read_deck(core, path, terms, halt)

    monkeypatch.setattr(RatingCore, "read_deck", halting)
    page = scene.page()
    log_in(page, "admin", PASSWORD)
    page.goto("/decks")
    page.fill("input[name=deck]", "large")
    page.set_input_files("input[name=file]", file)
    page.get_by_role("button", name="Upload").click()
    bar = page.locator("progress")  # asked through the debugger: the page's policy lets no wait_for_function in
    await_true(lambda: bar.evaluate("bar => bar.value") >= 50, "the progress is shown", timeout_s=60)
    assert "of 200,000 rows read" in page.locator("#progress").inner_text()
    shown.set()
    publish = page.get_by_role("button", name="Publish")
    publish.wait_for(timeout=60_000)
    assert page.locator(".figures .new dd").inner_text() == f"{ROWS:,}"
    publish.click()
    page.get_by_text("Published as version 1").wait_for(timeout=60_000)
    assert scene.core.show_deck("large").prefixes == ROWS
    page.context.close()


def write_deck(file: Path, rows: int) -> None:
    chance = random.Random(3)
    with file.open("w") as target:
        target.write("prefix,destination,rate_per_minute,increment_s\n")
        for number in range(rows):
            target.write(f"{1_000_000 + number},Destination {number % 900},0.{chance.randrange(100, 9000):05d},60\n")
