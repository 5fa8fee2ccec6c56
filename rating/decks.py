"""The decks of a node: fetched from the ledger once, kept compiled in the cache directory, mapped by every process."""

import hashlib
import os
import tempfile
import threading
from pathlib import Path

from rating.database import Connection, Database
from rating.deck import BLOCKED, DeckError, DeckTable
from rating.deckfile import Deck, compile_deck
from rating.outcome import LedgerUnavailableError
from rating.rate import Rate, call_cost, shortest_charged_s
from rating.store import network

PART_BYTES = 2**20
VERSIONS_KEPT = 3  # calls that began a moment ago, and nodes that are a little behind, still find theirs


class DeckCache:
    """Compiled decks by id and version. Threads may share it."""

    def __init__(self, database: Database, directory: Path) -> None:
        self._database = database
        self._directory = directory
        self._lock = threading.Lock()
        self._open: dict[int, tuple[int, Deck]] = {}

    def deck(self, deck_id: int, version: int) -> Deck:
        """The deck; opening it takes well under a millisecond once the node has it.

        Raises LookupError when the ledger has no such version, and LedgerUnavailableError.
        """
        found = self._open.get(deck_id)
        if found is not None and found[0] == version:
            return found[1]
        with self._lock:
            opened = self._load(deck_id, version)
            self._open[deck_id] = (version, opened)
        return opened

    def _load(self, deck_id: int, version: int) -> Deck:
        path = self._directory / f"deck-{deck_id}-{version}.bin"
        try:
            return Deck.open(path)
        except (OSError, DeckError):
            self._fetch(deck_id, version, path)
        return Deck.open(path)

    def _fetch(self, deck_id: int, version: int, path: Path) -> None:
        """Copies the deck from the ledger into its place at once: other processes see it whole or not at all."""
        described = network.deck_version(self._database, deck_id, version)
        if described is None:
            raise LookupError(f"deck {deck_id} has no version {version}")
        self._directory.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=self._directory, prefix=f".{path.name}.", delete=False) as file:
            try:
                for part in range(-(-int(described["bytes"]) // PART_BYTES)):
                    content = network.deck_part(self._database, deck_id, version, part) or b""
                    digest.update(content)
                    file.write(content)
                if digest.digest() != bytes(described["sha256"]):
                    raise LedgerUnavailableError(f"deck {deck_id} version {version} did not arrive whole")
                file.flush()
                os.chmod(file.name, 0o644)
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
        self._forget_old(deck_id, version)

    def _forget_old(self, deck_id: int, version: int) -> None:
        for old in self._directory.glob(f"deck-{deck_id}-*.bin"):
            number = old.stem.rsplit("-", 1)[1]
            if number.isdigit() and int(number) <= version - VERSIONS_KEPT:
                old.unlink(missing_ok=True)


def publish(connection: Connection, table: DeckTable, source: str, now_us: int) -> tuple[int, int]:
    """Replaces the deck of ``table.terms.name`` within the caller's transaction; its id and new version.

    Raises DeckError when the deck is there in another currency.
    """
    deck = network.add_deck(connection, table.terms.name, table.terms.currency)
    if deck["currency"] != table.terms.currency:
        raise DeckError(f"deck {table.terms.name} is in {deck['currency']}, not {table.terms.currency}")
    content = compile_deck(table)
    deck_id, version = int(deck["deck_id"]), int(deck["version"]) + 1
    digest = hashlib.sha256(content).digest()
    described = (deck_id, version, source[-255:], table.prefix_count(), len(content), digest, now_us)
    network.add_deck_version(connection, described)
    for part, begin in enumerate(range(0, len(content), PART_BYTES)):
        network.add_deck_part(connection, deck_id, version, part, content[begin : begin + PART_BYTES])
    network.replace_deck(connection, deck_id, version, least_price_micros(table, now_us), VERSIONS_KEPT)
    return deck_id, version


def least_price_micros(table: DeckTable, now_us: int) -> int:
    """What the cheapest call that costs anything costs, now or later: who has less can pay for none. At least 1."""
    lasting = {
        rate
        for rate, when in zip(table.rate_of, table.when_of, strict=True)
        if (until_us := table.whens[when].until_us) is None or until_us > now_us
    }
    rates = (Rate.unpack(table.rates[rate]) for rate in lasting if table.rates[rate] != BLOCKED)
    prices = (call_cost(rate, shortest_charged_s(rate)) for rate in rates)
    return min((price for price in prices if price > 0), default=1)
