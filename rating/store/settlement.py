"""The keeper's statements: many holds settled in one transaction, set by set, and the journal's offsets with them.

Rows travel as one JSON parameter and are joined as a table, so that a thousand settlements cost as many statements as
one. Lock order as everywhere: cards by rising id, then holds.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rating.database import Connection, Database, Row, fetch

_HOLD_COLUMNS = (
    "LOWER(HEX(hold_id)) AS id, card_id, product_id, state, held_micros, limit_s, rate, dnis, placed_us, answered_us,"
    " answer_mono_us, boot, carrier_id, gateway_id, pdd_ms, last_seen_us, recorded, node"
)

_ANSWERS = """
UPDATE hold JOIN JSON_TABLE(%s, '$[*]' COLUMNS (
    id CHAR(32) PATH '$.id', answered_us BIGINT PATH '$.answered_us', answer_mono_us BIGINT PATH '$.answer_mono_us',
    boot VARCHAR(8) PATH '$.boot', sip_call_id VARCHAR(255) PATH '$.sip_call_id', from_tag VARCHAR(128) PATH '$.from_tag',
    to_tag VARCHAR(128) PATH '$.to_tag', dialog VARCHAR(32) PATH '$.dialog', carrier_id INT PATH '$.carrier_id',
    gateway_id INT PATH '$.gateway_id', pdd_ms INT PATH '$.pdd_ms', node VARCHAR(64) PATH '$.node'
)) AS answer ON hold.hold_id = UNHEX(answer.id)
SET hold.answered_us = answer.answered_us, hold.answer_mono_us = answer.answer_mono_us, hold.boot = answer.boot,
    hold.sip_call_id = answer.sip_call_id, hold.from_tag = answer.from_tag, hold.to_tag = answer.to_tag,
    hold.dialog = answer.dialog, hold.carrier_id = answer.carrier_id, hold.gateway_id = answer.gateway_id,
    hold.pdd_ms = answer.pdd_ms, hold.node = answer.node
WHERE hold.answered_us IS NULL
"""

_SETTLED = """
JSON_TABLE(%s, '$[*]' COLUMNS (
    id CHAR(32) PATH '$.id', card_id BIGINT PATH '$.card_id', state VARCHAR(10) PATH '$.state',
    settles BOOLEAN PATH '$.settles', held_micros BIGINT PATH '$.held_micros', charge_micros BIGINT PATH '$.charge_micros',
    billable_s INT PATH '$.billable_s', seconds INT PATH '$.seconds', answered_us BIGINT PATH '$.answered_us',
    ended_us BIGINT PATH '$.ended_us', carrier_id INT PATH '$.carrier_id', gateway_id INT PATH '$.gateway_id',
    pdd_ms INT PATH '$.pdd_ms', cost_micros BIGINT PATH '$.cost_micros', cause INT PATH '$.cause',
    sip INT PATH '$.sip', ended_by VARCHAR(16) PATH '$.ended_by', node VARCHAR(64) PATH '$.node'
)) AS done
"""

_HOLDS = f"""
UPDATE hold JOIN {_SETTLED} ON hold.hold_id = UNHEX(done.id)
SET hold.state = IF(done.settles, done.state, hold.state),
    hold.charge_micros = IF(done.settles AND done.state = 'captured', done.charge_micros, hold.charge_micros),
    hold.billable_s = IF(done.settles AND done.state = 'captured', done.billable_s, hold.billable_s),
    hold.answered_us = COALESCE(hold.answered_us, done.answered_us),
    hold.settled_us = IF(done.settles, %s, hold.settled_us),
    hold.recorded = TRUE
"""

_ENTRIES = f"""
INSERT INTO entry (card_id, kind, amount_micros, reference, at_us)
SELECT card_id, 'charge', -charge_micros, id, %s FROM {_SETTLED} WHERE settles AND charge_micros > 0
"""

# Statements of their own, because an UPDATE of joined tables promises no order of its assignments.
_NEW_DAY = f"""
UPDATE card JOIN (SELECT DISTINCT card_id FROM {_SETTLED}) AS total USING (card_id)
SET card.day = %s, card.spent_in_day = 0 WHERE card.day <> %s
"""

_CARDS = f"""
UPDATE card JOIN (
    SELECT card_id, SUM(held_micros) AS held, SUM(charge_micros) AS charge, COUNT(*) AS holds
    FROM {_SETTLED} WHERE settles GROUP BY card_id
) AS total USING (card_id)
SET card.held_micros = card.held_micros - total.held,
    card.posted_micros = card.posted_micros - total.charge,
    card.open_holds = card.open_holds - total.holds,
    card.spent_in_day = card.spent_in_day + total.charge
"""

# A one-time card with nothing left can pay for no call any more.
_EXHAUSTED = f"""
UPDATE card JOIN product USING (product_id) JOIN (SELECT DISTINCT card_id FROM {_SETTLED}) AS total USING (card_id)
SET card.state = 'exhausted'
WHERE card.state = 'active' AND NOT product.refillable AND open_holds = 0
    AND (posted_micros = 0 OR posted_micros < product.minimum_balance_micros)
"""

_RECORDS = f"""
INSERT INTO cdr (
    placed_us, hold_id, call_id, card_id, product_id, outcome, ani, dnis, prefix, destination, trunk, access_number,
    attestation, node, rate, carrier_id, gateway_id, pdd_ms, answered_us, ended_us, seconds, billable_s, charge_micros,
    cost_micros, cause, sip_status, ended_by
)
SELECT
    placed_us, hold_id, call_id, hold.card_id, product_id, hold.state, ani, dnis, prefix, destination, trunk, access_number,
    attestation, done.node, rate, done.carrier_id, done.gateway_id, done.pdd_ms, done.answered_us, done.ended_us,
    done.seconds, COALESCE(hold.billable_s, 0), COALESCE(hold.charge_micros, 0), done.cost_micros, done.cause, done.sip,
    done.ended_by
FROM {_SETTLED} JOIN hold ON hold.hold_id = UNHEX(done.id)
"""


def offsets(database: Database, node: str) -> dict[str, int]:
    rows = database.rows("SELECT file, applied_bytes FROM journal_position WHERE node = %s", (node,))
    return {row["file"]: int(row["applied_bytes"]) for row in rows}


def store_offsets(connection: Connection, node: str, offsets_of: Mapping[str, int], now_us: int) -> None:
    sql = (
        "INSERT INTO journal_position VALUES (%s, %s, %s, %s)"
        " ON DUPLICATE KEY UPDATE applied_bytes = VALUES(applied_bytes), applied_us = VALUES(applied_us)"
    )
    for file, offset in offsets_of.items():
        fetch(connection, sql, (node, file, offset, now_us))


def lock_offsets(connection: Connection, node: str) -> dict[str, int]:
    """The stored offsets; a second keeper of the node waits here until this transaction ends."""
    sql = "SELECT file, applied_bytes FROM journal_position WHERE node = %s FOR UPDATE"
    return {row["file"]: int(row["applied_bytes"]) for row in fetch(connection, sql, (node,))}


def forget_offsets(database: Database, node: str, files: Iterable[str]) -> None:
    for file in files:
        database.rows("DELETE FROM journal_position WHERE node = %s AND file = %s", (node, file))


def lock_holds(connection: Connection, hold_ids: Sequence[str]) -> dict[str, Row]:
    """Those of the holds that exist, by id, locked with their cards."""
    if not hold_ids:
        return {}
    keys = tuple(bytes.fromhex(hold_id) for hold_id in sorted(hold_ids))
    marks = ", ".join(["%s"] * len(keys))
    cards = fetch(connection, f"SELECT DISTINCT card_id FROM hold WHERE hold_id IN ({marks})", keys)  # noqa: S608
    if not cards:
        return {}
    card_ids = tuple(sorted(row["card_id"] for row in cards))
    card_marks = ", ".join(["%s"] * len(card_ids))
    fetch(
        connection,
        f"SELECT card_id FROM card WHERE card_id IN ({card_marks}) ORDER BY card_id FOR UPDATE",  # noqa: S608
        card_ids,
    )
    rows = fetch(
        connection,
        f"SELECT {_HOLD_COLUMNS} FROM hold WHERE hold_id IN ({marks}) ORDER BY hold_id FOR UPDATE",  # noqa: S608
        keys,
    )
    return {row["id"]: row for row in rows}


def note_answers(connection: Connection, answers: list[dict[str, Any]]) -> None:
    if answers:
        fetch(connection, _ANSWERS, (json.dumps(answers),))


def settle(connection: Connection, settled: list[dict[str, Any]], now_us: int) -> None:
    """Settles the holds with ``settles`` set, and writes the call records of all."""
    if not settled:
        return
    rows, day = json.dumps(settled), now_us // 86_400_000_000
    fetch(connection, _HOLDS, (rows, now_us))
    if any(row["settles"] for row in settled):
        fetch(connection, _ENTRIES, (now_us, rows))
        fetch(connection, _NEW_DAY, (rows, day, day))
        fetch(connection, _CARDS, (rows,))
        fetch(connection, _EXHAUSTED, (rows,))
    fetch(connection, _RECORDS, (rows,))
