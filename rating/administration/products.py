"""Products: what all cards of a kind share."""

from typing import Any

from rating.administration.base import ConflictError, InputError, NotFoundError, Operators, build, known
from rating.administration.values import ProductView
from rating.database import Connection, Row
from rating.model import LanguageOffer
from rating.store import configured, network

Languages = dict[str, int] | list[str] | tuple[str, ...]
CHANGEABLE = frozenset(network.PRODUCT_COLUMNS) - {"name", "currency", "deck_id", "deck_version"} | {
    "deck",
    "languages",
}


class Products(Operators):
    """Verbs about products."""

    def create_product(
        self,
        name: str,
        *,
        currency: str,
        deck: str,
        languages: Languages = ("en",),
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
        replace: bool = True,
    ) -> int:
        """The product's id. ``languages``: codes in the order offered, with the fee of each when a dict. ``deck`` is
        made, empty, when it is not there yet. Raises ValueError when the deck has another currency, ConflictError when
        the product is there and ``replace`` is False."""
        values: dict[str, Any] = {key: value for key, value in locals().items() if key in network.PRODUCT_COLUMNS}
        offers = list(languages.items()) if isinstance(languages, dict) else [(code, 0) for code in languages]

        def work(connection: Connection) -> int:
            if not replace and network.lock_product(connection, name) is not None:
                raise ConflictError(f"there is a product {name!r} already; change it, or choose another name")
            return _put(connection, values, deck, currency, offers)

        return self._in_transaction(work)

    def change_product(self, name: str, **changes: Any) -> ProductView:
        """Changes the terms that are named, as ``create_product`` names them; calls that run keep theirs.

        Name and currency stay. Raises NotFoundError, InputError, ValueError when the deck has another currency.
        """
        unknown = ", ".join(sorted(set(changes) - CHANGEABLE))
        if unknown:
            raise InputError(f"{unknown}: cannot be changed; what can be: {', '.join(sorted(CHANGEABLE))}")

        def work(connection: Connection) -> None:
            before = known(network.lock_product(connection, name), f"product {name!r}")
            current = known(configured.product_in(connection, name), f"product {name!r}")
            values = {column: before[column] for column in network.PRODUCT_COLUMNS} | changes
            languages = changes.get("languages", dict(current["languages"]))
            offers = list(languages.items()) if isinstance(languages, dict) else [(code, 0) for code in languages]
            _put(connection, values, str(changes.get("deck", current["deck"])), before["currency"], offers)

        self._in_transaction(work)
        return self.show_product(name)

    def list_products(self) -> tuple[ProductView, ...]:
        """All products, by name."""
        return tuple(map(_view, configured.products(self._slow)))

    def show_product(self, name: str) -> ProductView:
        """Raises NotFoundError."""
        row = configured.product(self._slow, name)
        if row is None:
            raise NotFoundError(f"there is no product {name!r}")
        return _view(row)


def _put(
    connection: Connection, values: dict[str, Any], deck: str, currency: str, offers: list[tuple[str, int]]
) -> int:
    row = network.add_deck(connection, deck, currency)
    if row["currency"] != currency:
        raise ConflictError(f"deck {deck} is in {row['currency']}, the product in {currency}")
    if not offers:
        raise InputError("a product offers at least one language")
    values = values | {"deck_id": row["deck_id"], "deck_version": row["version"]}
    return network.put_product(connection, values, offers)


def _view(row: Row) -> ProductView:
    return build(ProductView, row | {"languages": tuple(LanguageOffer(*offer) for offer in row["languages"])})
