-- Settles the holds in the temporary table settled, set by set, as settle_hold does one, and writes their call records.
-- The keeper has locked the cards and decided each one; it commits, together with its journal's offsets. What it decided
-- upon it may have read before anything was locked: when one hold is not as it was then, it is told so and rolls back.
-- A row without "settles" only writes the record: its hold was settled before.
-- Returns one row: changed.
CREATE OR REPLACE PROCEDURE settle_batch(IN p_now_us BIGINT)
MODIFIES SQL DATA
settle: BEGIN
    DECLARE v_day INT UNSIGNED DEFAULT p_now_us DIV 86400000000;

    UPDATE hold JOIN settled USING (hold_id)
    SET
        hold.state = IF(settles, settled.state, hold.state),
        hold.charge_micros = IF(settles AND settled.state = 'captured', settled.charge_micros, hold.charge_micros),
        hold.billable_s = IF(settles AND settled.state = 'captured', settled.billable_s, hold.billable_s),
        hold.answered_us = COALESCE(hold.answered_us, settled.answered_us),
        hold.settled_us = IF(settles, p_now_us, hold.settled_us),
        hold.legs = IF(settles, NULL, hold.legs),
        hold.recorded = TRUE
    WHERE NOT hold.recorded AND (hold.state = 'held') = settles
        AND hold.held_micros = settled.held_micros AND hold.limit_s = settled.limit_s
        AND (NOT relies OR hold.answered_us <=> seen_answered_us);
    IF ROW_COUNT() <> (SELECT COUNT(*) FROM settled) THEN
        SELECT TRUE AS changed;
        LEAVE settle;
    END IF;

    INSERT INTO entry (card_id, kind, amount_micros, reference, at_us)
    SELECT card_id, 'charge', -charge_micros, LOWER(HEX(hold_id)), p_now_us
    FROM settled WHERE settles AND charge_micros > 0 ORDER BY card_id;

    -- What the card has spent today is worked out beside it: an UPDATE of joined tables promises no order of its
    -- assignments.
    UPDATE card JOIN (
        SELECT
            card_id, SUM(settled.held_micros) AS held, SUM(charge_micros) AS charge, COUNT(*) AS holds,
            IF(MIN(day) = v_day, MIN(spent_in_day), 0) AS spent_before
        FROM settled JOIN card USING (card_id) WHERE settles GROUP BY card_id
    ) AS total USING (card_id)
    SET
        card.held_micros = card.held_micros - total.held,
        card.posted_micros = card.posted_micros - total.charge,
        card.open_holds = card.open_holds - total.holds,
        card.spent_in_day = total.spent_before + total.charge,
        card.day = v_day;

    -- A one-time card that cannot pay for the cheapest call is used up. Looked for without locking products and decks:
    -- a deck that is being imported must not hold settlements up.
    IF EXISTS (SELECT 1 FROM product WHERE NOT refillable) THEN
        FOR used_up IN (
            SELECT DISTINCT card_id
            FROM settled JOIN card USING (card_id) JOIN product USING (product_id) JOIN deck USING (deck_id)
            WHERE NOT refillable AND card.state = 'active' AND open_holds = 0
                AND posted_micros < GREATEST(least_micros, minimum_balance_micros)
        ) DO
            UPDATE card SET state = 'exhausted' WHERE card_id = used_up.card_id;
        END FOR;
    END IF;

    INSERT INTO cdr (
        placed_us, hold_id, call_id, card_id, product_id, outcome, ani, dnis, prefix, destination, trunk, access_number,
        attestation, node, rate, carrier_id, gateway_id, pdd_ms, answered_us, ended_us, seconds, billable_s,
        charge_micros, cost_micros, cause, sip_status, ended_by
    )
    SELECT
        placed_us, hold_id, call_id, hold.card_id, product_id, hold.state, ani, dnis, prefix, destination, trunk,
        access_number, attestation, settled.node, rate, settled.carrier_id, settled.gateway_id, settled.pdd_ms,
        settled.answered_us, settled.ended_us, settled.seconds, COALESCE(hold.billable_s, 0),
        COALESCE(hold.charge_micros, 0), settled.cost_micros, settled.cause, settled.sip_status, settled.ended_by
    FROM settled JOIN hold USING (hold_id);

    -- Each record counts twice: for its destination and for all of them. Nothing here locks products, carriers or decks.
    INSERT INTO call_day (
        day, destination, currency, node, calls, answered, seconds, billable_s, charge_micros, costed_micros, cost_micros
    )
    SELECT
        placed_us DIV 86400000000 AS placed_day, IF(totals.yes, '', destination) AS place, product.currency AS money,
        settled.node AS at_node, COUNT(*), COUNT(settled.answered_us), SUM(settled.seconds),
        SUM(COALESCE(hold.billable_s, 0)), SUM(COALESCE(hold.charge_micros, 0)),
        SUM(IF(deck.currency = product.currency AND cost_micros IS NOT NULL, COALESCE(hold.charge_micros, 0), 0)),
        SUM(IF(deck.currency = product.currency, COALESCE(cost_micros, 0), 0))
    FROM settled JOIN hold USING (hold_id) JOIN product ON product.product_id = hold.product_id
    LEFT JOIN carrier ON carrier.carrier_id = settled.carrier_id LEFT JOIN deck ON deck.deck_id = carrier.deck_id
    JOIN (SELECT FALSE AS yes UNION ALL SELECT TRUE) AS totals
    GROUP BY placed_day, place, money, at_node
    ORDER BY placed_day, place, money, at_node
    ON DUPLICATE KEY UPDATE
        calls = calls + VALUES(calls), answered = answered + VALUES(answered),
        seconds = call_day.seconds + VALUES(seconds), billable_s = call_day.billable_s + VALUES(billable_s),
        charge_micros = call_day.charge_micros + VALUES(charge_micros),
        costed_micros = costed_micros + VALUES(costed_micros), cost_micros = call_day.cost_micros + VALUES(cost_micros);

    SELECT FALSE AS changed;
END
