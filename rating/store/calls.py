"""Statements in the way of a call: authorise, claim, settle one hold, PINs, fees."""

from dataclasses import dataclass

from rating.database import Database, Row
from rating.store.cards import Posting


@dataclass(frozen=True, slots=True)
class PinLimits:
    """Wrong PINs within an hour that lock a scope, and for how long the first time (then twice as long each time)."""

    per_ani: int = 3  # one call of three tries
    per_trunk: int = 200
    altogether: int = 2000
    lock_s: int = 300

    def arguments(self) -> tuple[int, int, int, int]:
        return self.per_ani, self.per_trunk, self.altogether, self.lock_s


@dataclass(frozen=True, slots=True)
class PinAttempt:
    """A PIN (hashed) and where it was entered; ``ani`` None: anonymous."""

    pin_hash: bytes
    ani: str | None
    trunk: str


def claim(database: Database, hold_id: str, claimant: str) -> Row:
    return _one(database, "CALL claim_hold(%s, %s)", (bytes.fromhex(hold_id), claimant[:128]))


@dataclass(frozen=True, slots=True)
class Capture:
    """What a hold is settled with: the charge, and the seconds billed and connected."""

    charge_micros: int
    billable_s: int
    seconds: int


def settle(database: Database, hold_id: str, capture: Capture | None, now_us: int) -> Row | None:
    """The hold as it stands afterwards, None when there is none. Without a capture it is voided."""
    amounts = (None, None, None) if capture is None else (capture.charge_micros, capture.billable_s, capture.seconds)
    return database.row("CALL settle_hold(%s, %s, %s, %s, %s)", (bytes.fromhex(hold_id), *amounts, now_us))


def extend(database: Database, hold_id: str, now_us: int) -> Row | None:
    """The hold as it stands afterwards, None when there is none."""
    return database.row("CALL extend_hold(%s, %s)", (bytes.fromhex(hold_id), now_us))


def hold(database: Database, hold_id: str) -> Row | None:
    return database.row(
        "SELECT state, held_micros, limit_s, charge_micros, billable_s, rate, answered_us FROM hold WHERE hold_id = %s",
        (bytes.fromhex(hold_id),),
    )


def running(database: Database, call: str) -> list[Row]:
    """The connected calls with that hold id or call id (32 hexadecimal digits; of anything else there are none)."""
    try:
        key = bytes.fromhex(call)
    except ValueError:
        return []
    return database.rows(
        "SELECT LOWER(HEX(hold_id)) AS hold, node, dialog, limit_s, answered_us, answer_mono_us, boot FROM hold"
        " WHERE state = 'held' AND answered_us IS NOT NULL AND dialog IS NOT NULL AND (hold_id = %s OR call_id = %s)",
        (key, key),
    )


def enter_pin(database: Database, attempt: PinAttempt, limits: PinLimits, now_us: int) -> Row:
    arguments = (attempt.pin_hash, attempt.ani, attempt.trunk, *limits.arguments(), now_us)
    return _one(database, "CALL enter_pin(%s, %s, %s, %s, %s, %s, %s, %s)", arguments)


def enter_serial_pin(database: Database, serial: int, attempt: PinAttempt, limits: PinLimits, now_us: int) -> Row:
    arguments = (serial, attempt.pin_hash, attempt.ani, attempt.trunk, *limits.arguments(), now_us)
    return _one(database, "CALL enter_serial_pin(%s, %s, %s, %s, %s, %s, %s, %s, %s)", arguments)


def refill_by_pin(database: Database, card_id: int, attempt: PinAttempt, limits: PinLimits, now_us: int) -> Row:
    arguments = (card_id, attempt.pin_hash, attempt.ani, attempt.trunk, *limits.arguments(), now_us)
    return _one(database, "CALL refill_by_pin(%s, %s, %s, %s, %s, %s, %s, %s, %s)", arguments)


def charge_fee(database: Database, card_id: int, fee: Posting, now_us: int) -> Row:
    arguments = (card_id, fee.reference, fee.amount_micros, fee.note[:128], now_us)
    return _one(database, "CALL charge_fee(%s, %s, %s, %s, %s)", arguments)


def register_ani(database: Database, card_id: int, ani: str, now_us: int) -> Row:
    return _one(database, "CALL register_ani(%s, %s, %s)", (card_id, ani, now_us))


def _one(database: Database, sql: str, arguments: tuple[object, ...]) -> Row:
    row = database.row(sql, arguments)
    if row is None:
        raise AssertionError(f"{sql.split('(', maxsplit=1)[0]} returned no row")
    return row
