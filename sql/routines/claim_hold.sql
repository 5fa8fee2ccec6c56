-- The second leg of an IVR call takes the hold that was made for it: once per hold, repeated by the same claimant at will.
-- Returns one row: outcome (OK, UNKNOWN_HOLD, HOLD_USED) and the terms.
CREATE OR REPLACE PROCEDURE claim_hold(IN p_hold_id BINARY(16), IN p_claimant VARCHAR(128))
MODIFIES SQL DATA
BEGIN
    -- One statement is one transaction here (autocommit).
    UPDATE hold SET claimant = p_claimant
    WHERE hold_id = p_hold_id AND state = 'held' AND answered_us IS NULL AND claimant IS NULL;
    IF EXISTS (SELECT 1 FROM hold WHERE hold_id = p_hold_id) THEN
        SELECT
            IF(hold.state = 'held' AND claimant = p_claimant, 'OK', 'HOLD_USED') AS outcome,
            limit_s, hold.held_micros, posted_micros - card.held_micros AS available_micros, product.currency,
            hold.language, hold.warning_s, destination, dnis, ani, call_id, hold.card_id, rate, hold.product_id
        FROM hold JOIN card USING (card_id) JOIN product ON product.product_id = hold.product_id
        WHERE hold_id = p_hold_id;
    ELSE
        SELECT 'UNKNOWN_HOLD' AS outcome;
    END IF;
END
