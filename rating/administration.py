"""What operators do: products, batches, decks, carriers, trunks, access numbers, states of cards, reports."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rating import cards as issuing
from rating import decks
from rating.cards import IssuedCard
from rating.database import Connection, Database, Row
from rating.deck import DeckTable, DeckTerms
from rating.deckcsv import read_deck
from rating.directory import Directory
from rating.export import new_secret_file, write_cards_durably
from rating.store import cards, network, reports
from rating.store.cards import Posting

ALL_TIMES_US = (0, 2**62)


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """issued + refilled − charged − fees = posted, summed over currencies; ``currencies`` has the sums of each.

    ``refilled`` holds transfers (which sum to zero with their refills) and adjustments too. ``problems`` are
    sentences, empty when every card's entries and holds add up.
    """

    issued: int
    refilled: int
    charged: int
    fees: int
    posted: int
    held: int
    ok: bool
    problems: tuple[str, ...]
    currencies: dict[str, dict[str, int]]


class Administration:
    """The operator's half of ``RatingCore``; amounts in micro-units. Making what is there already changes it."""

    def __init__(
        self, database: Database, pepper: bytes, directory: Directory, clock_us: Callable[[], int] = issuing.now_us
    ) -> None:
        self._slow = database
        self._issue_pepper = pepper
        self._changed = directory.expire
        self._now_us = clock_us

    # products and cards

    def create_product(
        self,
        name: str,
        *,
        currency: str,
        deck: str,
        languages: dict[str, int] | list[str] | tuple[str, ...] = ("en",),
        longest_call_s: int = 14_400,
        calls_at_once: int = 1,
        warning_s: int = 60,
        minimum_balance_micros: int = 0,
        valid_until_us: int = 0,
        valid_days: int = 0,
        maintenance_fee_micros: int = 0,
        maintenance_days: int = 0,
        refillable: bool = True,
        voucher: bool = False,
        caller_ids_max: int = 3,
        attestation: str = "",
        calls_per_hour: int = 0,
        spend_per_day_micros: int = 0,
        media_silence_s: int = 30,
    ) -> int:
        """The product's id. ``languages``: codes in the order offered, with the fee of each when a dict. ``deck`` is
        made, empty, when it is not there yet. Raises ValueError when the deck has another currency."""
        values: dict[str, Any] = {key: value for key, value in locals().items() if key in network.PRODUCT_COLUMNS}
        offers = list(languages.items()) if isinstance(languages, dict) else [(code, 0) for code in languages]

        def work(connection: Connection) -> int:
            row = network.add_deck(connection, deck, currency)
            if row["currency"] != currency:
                raise ValueError(f"deck {deck} is in {row['currency']}, the product in {currency}")
            return network.put_product(
                connection, values | {"deck_id": row["deck_id"], "deck_version": row["version"]}, offers
            )

        product_id = self._slow.transaction(work)
        self._changed()
        return product_id

    def issue_batch(
        self, product: int | str, count: int, face_value_micros: int, pin_length: int = 12, active: bool = True
    ) -> list[IssuedCard]:
        """Makes cards and returns their PINs, the only time they can be seen: nothing of them is stored but a hash.
        The batch counts as not exported. Raises PinDensityError, LookupError."""
        return issuing.issue(
            self._slow,
            self._issue_pepper,
            product_id=self._product_id(product),
            count=count,
            face_value_micros=face_value_micros,
            pin_length=pin_length,
            active=active,
            clock_us=self._now_us,
        )

    def issue_batch_to_file(
        self,
        product: int | str,
        count: int,
        face_value_micros: int,
        path: str | Path,
        *,
        pin_length: int = 12,
        active: bool = False,
    ) -> int:
        """Makes cards and writes serials and PINs as CSV for print: the batch's one export; how many cards.

        There is no batch without its file, and ``path`` must not exist (FileExistsError). Also raises OSError,
        PinDensityError, LookupError. After LedgerUnavailableError look at ``batches``: where the file is there, its
        batch may be, too.
        """
        product_id = self._product_id(product)
        with new_secret_file(path) as file:
            issued = issuing.issue(
                self._slow,
                self._issue_pepper,
                product_id=product_id,
                count=count,
                face_value_micros=face_value_micros,
                pin_length=pin_length,
                active=active,
                clock_us=self._now_us,
                export=lambda cards_made: write_cards_durably(cards_made, file),
            )
        return len(issued)

    def activate(self, first_serial: str | int, last_serial: str | int) -> int:
        """Inactive cards of the range become active; how many."""
        return cards.set_state(self._slow, int(first_serial), int(last_serial), "inactive", "active")

    def block(self, first_serial: str | int, last_serial: str | int | None = None) -> int:
        """Active cards of the range are blocked; how many. Calls that run go on to their limit."""
        last = first_serial if last_serial is None else last_serial
        return cards.set_state(self._slow, int(first_serial), int(last), "active", "blocked")

    def unblock(self, first_serial: str | int, last_serial: str | int | None = None) -> int:
        """Blocked cards of the range are active again; how many."""
        last = first_serial if last_serial is None else last_serial
        return cards.set_state(self._slow, int(first_serial), int(last), "blocked", "active")

    def adjust(self, card_id: int, amount_micros: int, *, reference: str, note: str) -> bool:
        """Posts an adjustment of either sign, once per reference; False when it was there."""
        return self._slow.transaction(
            lambda connection: cards.adjust(
                connection, card_id, Posting(reference, amount_micros, note), self._now_us()
            )
        )

    def card_id_of_serial(self, serial: str | int) -> int | None:
        row = cards.by_serial(self._slow, int(serial))
        return None if row is None else int(row["card_id"])

    def caller_ids(self, card_id: int) -> tuple[str, ...]:
        return tuple(row["ani"] for row in cards.caller_ids(self._slow, card_id))

    def forget_ani(self, card_id: int, ani: str) -> None:
        cards.forget_ani(self._slow, card_id, ani)

    def batches(self) -> list[Row]:
        return cards.batches(self._slow)

    # decks and carriers

    def import_deck(
        self,
        name: str,
        path: str | Path,
        currency: str,
        *,
        time_zone: str = "UTC",
        minimum_charge_micros: int = 0,
        free_grace_s: int = 0,
    ) -> int:
        """Replaces the deck by the CSV at ``path``, while calls go on; its new version.

        Raises DeckImportError with every error of the file, and DeckError; nothing changes then.
        """
        terms = DeckTerms(name, currency, time_zone, minimum_charge_micros, free_grace_s)
        return self.publish_deck(read_deck(path, terms), str(path))

    def publish_deck(self, table: DeckTable, source: str = "") -> int:
        """Replaces the deck of ``table.terms.name``; its new version."""
        _, version = self._slow.transaction(lambda connection: decks.publish(connection, table, source, self._now_us()))
        self._changed()
        return version

    def decks(self) -> list[Row]:
        return network.deck_versions(self._slow)

    def add_carrier(
        self,
        name: str,
        *,
        deck: str,
        currency: str = "USD",
        priority: int = 100,
        weight: int = 100,
        loss_allowed: bool = False,
        enabled: bool = True,
    ) -> int:
        """The carrier's id. ``deck`` is what its calls cost us; made, empty, when it is not there yet."""
        row = self._slow.transaction(lambda connection: network.add_deck(connection, deck, currency))
        values = (name, int(row["deck_id"]), priority, weight, loss_allowed, enabled)
        carrier_id = network.put_carrier(self._slow, values)
        self._changed()
        return carrier_id

    def add_gateway(
        self,
        carrier_id: int,
        uri: str,
        *,
        tech_prefix: str = "",
        priority: int = 100,
        weight: int = 100,
        enabled: bool = True,
    ) -> int:
        gateway_id = network.put_gateway(self._slow, (carrier_id, uri, tech_prefix, priority, weight, enabled))
        self._changed()
        return gateway_id

    def add_trunk(self, name: str, cidr: str, *, ani_trusted: bool, country: str) -> None:
        network.put_trunk(self._slow, name, cidr, ani_trusted, country)
        self._changed()

    def add_access_number(
        self, number: str, name: str, *, country: str, languages: list[str] | tuple[str, ...], surcharge_micros: int = 0
    ) -> None:
        network.put_access_number(self._slow, (number, name, country, ",".join(languages), surcharge_micros))
        self._changed()

    def block_prefix(self, prefix: str, *, product: int | str | None = None, reason: str = "") -> None:
        """Calls to numbers that begin so are refused, whatever the deck says."""
        network.block_prefix(self._slow, prefix, 0 if product is None else self._product_id(product), reason)
        self._changed()

    def unblock_prefix(self, prefix: str, *, product: int | str | None = None) -> None:
        network.unblock_prefix(self._slow, prefix, 0 if product is None else self._product_id(product))
        self._changed()

    # reports

    def check(self) -> LedgerCheck:
        """Recomputes all balances from the entries and all held amounts from the holds. Takes seconds on millions."""
        currencies = {
            row["currency"]: {key.removesuffix("_micros"): int(row[key]) for key in row if key != "currency"}
            for row in reports.totals(self._slow)
        }
        sums = {
            key: sum(amounts[key] for amounts in currencies.values())
            for key in ("issued", "refilled", "charged", "fees", "posted", "held")
        }
        problems = [_sentence(row) for row in reports.problems(self._slow)]
        for currency, amounts in currencies.items():
            expected = amounts["issued"] + amounts["refilled"] - amounts["charged"] - amounts["fees"]
            if expected != amounts["posted"]:
                problems.append(f"{currency}: entries sum to {expected} micro-units, cards to {amounts['posted']}")
        return LedgerCheck(**sums, ok=not problems, problems=tuple(problems), currencies=currencies)

    def cdrs(
        self,
        *,
        since_us: int = ALL_TIMES_US[0],
        until_us: int = ALL_TIMES_US[1],
        card_id: int | None = None,
        call_id: str | None = None,
        limit: int = 10_000,
    ) -> list[Row]:
        """Call records placed in [since_us, until_us), oldest first (columns of the view call_record)."""
        return reports.cdrs(self._slow, (since_us, until_us), card_id, call_id, limit)

    def all_cdrs(self, *, since_us: int = ALL_TIMES_US[0], until_us: int = ALL_TIMES_US[1]) -> Iterator[Row]:
        """All call records placed in [since_us, until_us), oldest first, read piece by piece."""
        return reports.all_cdrs(self._slow, since_us, until_us)

    def entries(self, card_id: int) -> list[Row]:
        """Everything that ever happened to the card's balance, in order."""
        return reports.entries(self._slow, card_id)

    def open_calls(self) -> list[Row]:
        """Holds that are not settled: calls being placed, and connected ones (``answered_us`` is set)."""
        return reports.open_calls(self._slow)

    def balances(self, *, limit: int = 1000) -> list[Row]:
        return reports.balances(self._slow, limit)

    def _product_id(self, product: int | str) -> int:
        """Raises LookupError when there is no product of that name."""
        if isinstance(product, int):
            return product
        row = network.product_id(self._slow, product)
        if row is None:
            raise LookupError(f"no product {product!r}")
        return int(row["product_id"])


def _sentence(row: Row) -> str:
    return (
        f"card {row['card_id']}: posted {row['posted_micros']}, its entries sum to {row['entries_micros'] or 0};"
        f" held {row['held_micros']} in {row['open_holds']}, its holds sum to {row['holds_micros'] or 0}"
        f" in {row['holds'] or 0}"
    )
