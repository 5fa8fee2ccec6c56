"""What rarely changes, kept in memory for two seconds: products, trunks, access numbers, carriers, blocked prefixes."""

import ipaddress
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rating.database import Row
from rating.lcr import GatewayOffer
from rating.model import AccessNumber, LanguageOffer, Product, Route, Trunk
from rating.outcome import LedgerUnavailableError

AGE_MAX_S = 2.0
# With the ledger down, what is known goes on to be used for identifying; asking again waits so long.
RETRY_AFTER_S = 5.0


@dataclass(frozen=True, slots=True)
class CarrierRow:
    """A carrier that is enabled, with its gateways that are."""

    carrier_id: int
    name: str
    deck_id: int
    priority: int
    weight: int
    loss_allowed: bool
    gateways: tuple["GatewayRow", ...]
    offers: tuple[GatewayOffer, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        offers = tuple(
            GatewayOffer(
                Route(self.carrier_id, self.name, gateway.gateway_id, gateway.uri, gateway.tech_prefix),
                gateway.priority,
                gateway.weight,
            )
            for gateway in self.gateways
        )
        object.__setattr__(self, "offers", offers)


@dataclass(frozen=True, slots=True)
class GatewayRow:
    gateway_id: int
    uri: str
    tech_prefix: str
    priority: int
    weight: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One reading of it all. ``deck_versions`` is by deck id; ``blocked`` holds (prefix, product id or 0)."""

    products: dict[int, Product]
    deck_versions: dict[int, int]
    deck_currencies: dict[int, str]
    carriers: tuple[CarrierRow, ...]
    carrier_decks: dict[int, int]  # of disabled carriers too: their calls may still run
    trunks: tuple[Trunk, ...]
    access_numbers: dict[str, AccessNumber]
    blocked: frozenset[tuple[str, int]] = field(default=frozenset())

    def surcharge_of(self, access_number: str | None) -> int:
        """Micro-units added to every call placed through the access number."""
        found = self.access_numbers.get(access_number) if access_number else None
        return 0 if found is None else found.surcharge_micros

    def is_blocked(self, dnis: str, product_id: int) -> bool:
        return bool(self.blocked) and any(
            (dnis[:length], product) in self.blocked
            for length in range(1, len(dnis) + 1)
            for product in (0, product_id)
        )


class Directory:
    """The current snapshot, shared by the threads of a process."""

    def __init__(self, read: Callable[[], dict[str, list[Row]]]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._expires = 0.0

    def snapshot(self) -> Snapshot:
        """At most two seconds old; older while the ledger is down. Raises LedgerUnavailableError before the first."""
        current = self._snapshot
        if current is not None and time.monotonic() < self._expires:
            return current
        with self._lock:
            if self._snapshot is not None and time.monotonic() < self._expires:
                return self._snapshot
            try:
                self._snapshot = _snapshot(self._read())
                self._expires = time.monotonic() + AGE_MAX_S
            except LedgerUnavailableError:
                self._expires = time.monotonic() + RETRY_AFTER_S
                if self._snapshot is None:
                    raise
            return self._snapshot

    def expire(self) -> None:
        """The next snapshot is read afresh."""
        self._expires = 0.0


def _snapshot(rows: dict[str, list[Row]]) -> Snapshot:
    languages: dict[int, list[LanguageOffer]] = {}
    for row in rows["languages"]:
        languages.setdefault(row["product_id"], []).append(LanguageOffer(row["code"], row["fee_micros"]))
    gateways: dict[int, list[GatewayRow]] = {}
    for row in rows["gateways"]:
        gateways.setdefault(row.pop("carrier_id"), []).append(
            GatewayRow(row["gateway_id"], row["uri"], row["tech_prefix"], row["priority"], row["weight"])
        )
    return Snapshot(
        products={
            row["product_id"]: _product(row, tuple(languages.get(row["product_id"], ()))) for row in rows["products"]
        },
        deck_versions={row["deck_id"]: row["version"] for row in rows["decks"]},
        deck_currencies={row["deck_id"]: row["currency"] for row in rows["decks"]},
        carriers=tuple(
            _carrier(row, tuple(gateways.get(row["carrier_id"], ()))) for row in rows["carriers"] if row["enabled"]
        ),
        carrier_decks={row["carrier_id"]: row["deck_id"] for row in rows["carriers"]},
        trunks=_trunks(rows["trunks"]),
        access_numbers={row["number"]: _access_number(row) for row in rows["access_numbers"]},
        blocked=frozenset((row["prefix"], row["product_id"]) for row in rows["blocked"]),
    )


def _product(row: Row, languages: tuple[LanguageOffer, ...]) -> Product:
    return Product(
        product_id=row["product_id"],
        name=row["name"],
        currency=row["currency"],
        deck_id=row["deck_id"],
        languages=languages,
        longest_call_s=row["longest_call_s"],
        calls_at_once=row["calls_at_once"],
        warning_s=row["warning_s"],
        minimum_balance_micros=row["minimum_balance_micros"],
        refillable=bool(row["refillable"]),
        caller_ids_max=row["caller_ids_max"],
        media_silence_s=row["media_silence_s"],
        attestation=row["attestation"],
        voucher=bool(row["voucher"]),
        valid_until_us=row["valid_until_us"],
        valid_days=row["valid_days"],
        calls_per_hour=row["calls_per_hour"],
        spend_per_day_micros=row["spend_per_day_micros"],
    )


def _carrier(row: Row, gateways: tuple[GatewayRow, ...]) -> CarrierRow:
    return CarrierRow(
        row["carrier_id"],
        row["name"],
        row["deck_id"],
        row["priority"],
        row["weight"],
        bool(row["loss_allowed"]),
        gateways,
    )


def _trunks(rows: list[Row]) -> tuple[Trunk, ...]:
    """The narrowest network first, so that the first match is the right one."""
    trunks = [
        Trunk(row["trunk_id"], row["name"], row["cidr"], bool(row["ani_trusted"]), row["country"]) for row in rows
    ]
    return tuple(sorted(trunks, key=lambda trunk: -ipaddress.ip_network(trunk.cidr).prefixlen))


def _access_number(row: Row) -> AccessNumber:
    languages = tuple(code for code in row["languages"].split(",") if code)
    return AccessNumber(row["number"], row["name"], row["country"], languages, row["surcharge_micros"])
