-- Settles one hold: captures "charge" of it and writes the call record, or voids it when charge is NULL (no call was
-- placed: no record). A settled hold stays as it is, and so does an answered one that is to be voided: what was
-- connected is paid for. Returns the hold as it then stands. The keeper settles in sets, by the same rules.
CREATE OR REPLACE PROCEDURE settle_hold(
    IN p_hold_id BINARY(16),
    IN p_charge_micros BIGINT,
    IN p_billable_s INT UNSIGNED,
    IN p_seconds INT UNSIGNED,
    IN p_now_us BIGINT
)
MODIFIES SQL DATA
BEGIN
    DECLARE v_card_id BIGINT UNSIGNED;
    DECLARE v_state VARCHAR(10);
    DECLARE v_held, v_answered_us, v_least BIGINT;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    -- With less than v_least a one-time card cannot pay for the cheapest call: it is used up.
    SELECT card_id, IF(refillable, 0, GREATEST(least_micros, minimum_balance_micros)) INTO v_card_id, v_least
    FROM hold JOIN product USING (product_id) JOIN deck USING (deck_id) WHERE hold_id = p_hold_id;
    IF v_card_id IS NOT NULL THEN
        START TRANSACTION;
        SELECT card_id INTO v_card_id FROM card WHERE card_id = v_card_id FOR UPDATE;
        SELECT state, held_micros, answered_us INTO v_state, v_held, v_answered_us
        FROM hold WHERE hold_id = p_hold_id FOR UPDATE;
        IF v_state = 'held' AND (p_charge_micros IS NOT NULL OR v_answered_us IS NULL) THEN
            SET p_charge_micros = LEAST(p_charge_micros, v_held);
            UPDATE hold SET
                state = IF(p_charge_micros IS NULL, 'void', 'captured'), charge_micros = p_charge_micros,
                billable_s = IF(p_charge_micros IS NULL, NULL, p_billable_s), settled_us = p_now_us,
                recorded = p_charge_micros IS NOT NULL
            WHERE hold_id = p_hold_id;
            IF p_charge_micros > 0 THEN
                INSERT INTO entry (card_id, kind, amount_micros, reference, at_us)
                VALUES (v_card_id, 'charge', -p_charge_micros, LOWER(HEX(p_hold_id)), p_now_us);
            END IF;
            IF p_charge_micros IS NOT NULL THEN
                INSERT INTO cdr (
                    placed_us, hold_id, call_id, card_id, product_id, outcome, ani, dnis, prefix, destination, trunk,
                    access_number, attestation, node, rate, carrier_id, gateway_id, pdd_ms, answered_us, ended_us,
                    seconds, billable_s, charge_micros, cause, sip_status, ended_by
                )
                SELECT
                    placed_us, hold_id, call_id, card_id, product_id, state, ani, dnis, prefix, destination, trunk,
                    access_number, attestation, node, rate, carrier_id, gateway_id, pdd_ms, answered_us, p_now_us,
                    p_seconds, billable_s, charge_micros, 16, 0, 'platform'
                FROM hold WHERE hold_id = p_hold_id;
                INSERT INTO call_day (
                    day, destination, currency, node, calls, answered, seconds, billable_s, charge_micros,
                    costed_micros, cost_micros
                )
                SELECT
                    placed_us DIV 86400000000, IF(totals.yes, '', destination), currency, node, 1,
                    answered_us IS NOT NULL, p_seconds, COALESCE(billable_s, 0), charge_micros, 0, 0
                FROM hold JOIN product USING (product_id) JOIN (SELECT FALSE AS yes UNION ALL SELECT TRUE) AS totals
                WHERE hold_id = p_hold_id
                ORDER BY 2
                ON DUPLICATE KEY UPDATE
                    calls = calls + 1, answered = answered + VALUES(answered),
                    seconds = call_day.seconds + VALUES(seconds),
                    billable_s = call_day.billable_s + VALUES(billable_s),
                    charge_micros = call_day.charge_micros + VALUES(charge_micros);
            END IF;
            UPDATE card SET
                held_micros = held_micros - v_held,
                posted_micros = posted_micros - COALESCE(p_charge_micros, 0),
                open_holds = open_holds - 1,
                spent_in_day = IF(day = p_now_us DIV 86400000000, spent_in_day, 0) + COALESCE(p_charge_micros, 0),
                day = p_now_us DIV 86400000000
            WHERE card_id = v_card_id;
            IF v_least > 0 THEN
                UPDATE card SET state = 'exhausted'
                WHERE card_id = v_card_id AND state = 'active' AND open_holds = 0 AND posted_micros < v_least;
            END IF;
        END IF;
        COMMIT;
    END IF;
    SELECT state, held_micros, limit_s, charge_micros, billable_s FROM hold WHERE hold_id = p_hold_id;
END
