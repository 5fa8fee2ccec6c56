"""Checks of the ledger and of what is configured in it: reachable, up to date, journal applied, decks, routes."""

import time
from collections.abc import Iterator

import pymysql

from console.doctor.finding import Finding, fault, note, ok
from rating.core import RatingCore
from rating.database import Database
from rating.journal import JournalReader
from rating.migrate import missing_migrations
from rating.outcome import LedgerUnavailableError
from rating.settings import Settings
from rating.store import keeping, settlement

CLOCK_APART_S = 1.0
LAG_NOTE_BYTES, LAG_FAULT_BYTES = 100_000, 10_000_000  # about 100 and 10,000 calls
LEDGER_AWAY = (
    "start MariaDB, or mend [database] in cardswitch.toml; new calls are refused meanwhile, running ones go on"
)


def ledger(settings: Settings) -> Iterator[Finding]:
    """Whether it answers, with the schema of this version, and by the same clock."""
    database = Database(settings.database)
    try:
        before = time.time()
        now_s = keeping.clock(database)
        apart_s = abs(now_s - (before + time.time()) / 2)
        missing = missing_migrations(settings.database)
    except (LedgerUnavailableError, pymysql.MySQLError) as error:
        yield fault("ledger", str(error), LEDGER_AWAY)
        return
    yield ok("ledger", "answers")
    if missing:
        yield fault("ledger", f"migrations are missing: {', '.join(missing)}", "run `python -m rating.migrate`")
    if apart_s > CLOCK_APART_S:
        yield fault("clock", f"the ledger's clock is {apart_s:.1f} s away from ours", "let chrony or ntpd set both")
    else:
        yield ok("clock", "the ledger's clock and ours agree")


def journal(settings: Settings) -> Iterator[Finding]:
    """How much of this node's call journal the keeper has not applied yet."""
    reader = JournalReader(settings.journal_dir)
    lag = reader.unread_bytes(settlement.offsets(Database(settings.database), settings.node))
    found = f"{lag:,} bytes are not applied yet"
    if lag >= LAG_FAULT_BYTES:
        yield fault("journal", found, "charges are late: is the keeper alive? docs/runbooks/journal-lag.md")
    elif lag >= LAG_NOTE_BYTES:
        yield note("journal", found, "look again in a minute: it must become less")
    else:
        yield ok("journal", found if lag else "is applied to its end")


def configured(core: RatingCore) -> Iterator[Finding]:
    """Whether a call could be placed at all: trunks, access numbers, products with rates, carriers with gateways."""
    decks = {deck.name: deck.version for deck in core.list_decks()}
    empty = [product for product in core.list_products() if not decks.get(product.deck)]
    for product in empty:
        advice = f"`cardswitch decks import FILE --name {product.deck} --currency {product.currency}`"
        yield fault("decks", f"product {product.name} has no rates: deck {product.deck} is empty", advice)
    if not empty and decks:
        yield ok("decks", f"{len(decks)} decks, every product has rates")
    carriers = [carrier for carrier in core.list_carriers() if carrier.enabled]
    carry = {gateway.carrier for gateway in core.list_gateways() if gateway.enabled}
    for carrier in carriers:
        if carrier.name not in carry:
            yield note("routes", f"carrier {carrier.name} has no enabled gateway", "`cardswitch gateways add`")
        if not decks.get(carrier.deck):
            yield fault("decks", f"carrier {carrier.name} has no prices: deck {carrier.deck} is empty", "import it")
    for what, there, command in (
        ("products", core.list_products(), "products create"),
        ("routes", [carrier for carrier in carriers if carrier.name in carry], "carriers add"),
        ("trunks", core.list_trunks(), "trunks add"),
        ("access numbers", core.list_access_numbers(), "access-numbers add"),
    ):
        if not there:
            yield note(what, "there are none: no call can be placed so", f"`cardswitch {command}`")
        else:
            yield ok(what, f"{len(there)}")


def decks_of_node(core: RatingCore, settings: Settings) -> Iterator[Finding]:
    """Whether this node has the decks that are in effect: else the first call fetches them."""
    late = [
        deck.name
        for deck in core.list_decks()
        if deck.version and not (settings.deck_cache_dir / f"deck-{deck.deck_id}-{deck.version}.bin").exists()
    ]
    if late:
        yield note("decks", f"this node has not fetched {', '.join(late)} yet", "the next call that needs it does")
    else:
        yield ok("decks", "this node has all decks as they are in effect")


def languages(core: RatingCore) -> list[str]:
    """All that products or access numbers offer."""
    of_products = {offer.code for product in core.list_products() for offer in product.languages}
    return sorted(of_products.union(*(number.languages for number in core.list_access_numbers())))


def lock_outs(core: RatingCore) -> Iterator[Finding]:
    """Who is locked out after wrong PINs; all together is a fault: no PIN is believed."""
    page = core.list_lock_outs(limit=1000)
    if any(each.scope == "all" for each in page.items):
        yield fault("fraud", "too many wrong PINs: nobody's PIN is believed for a while", "docs/runbooks/lock-outs.md")
    elif page.items:
        yield note("fraud", f"{len(page.items)} callers or trunks are locked out", "`cardswitch fraud locked`")
    else:
        yield ok("fraud", "nobody is locked out")


def agrees(core: RatingCore) -> Iterator[Finding]:
    """The ledger's check: takes seconds on millions of cards."""
    check = core.check()
    if check.ok:
        yield ok("ledger", "adds up")
    else:
        yield fault("ledger", f"does NOT add up: {check.problems[0]}", "docs/runbooks/ledger-invariant.md")
