-- The answer of authorise to a hold id that it has seen before: the first one again, or HOLD_USED when the hold is
-- another card's or settled. "otherwise" is the outcome for a hold id not seen before.
CREATE OR REPLACE PROCEDURE authorised_before(
    IN p_hold_id BINARY(16),
    IN p_card_id BIGINT UNSIGNED,
    IN p_otherwise VARCHAR(24)
)
READS SQL DATA
BEGIN
    IF EXISTS (SELECT 1 FROM hold WHERE hold_id = p_hold_id) THEN
        SELECT
            IF(hold.state = 'held' AND hold.card_id = p_card_id, 'OK', 'HOLD_USED') AS outcome,
            limit_s, hold.held_micros, posted_micros - card.held_micros AS available_micros, product.currency,
            hold.language, hold.warning_s, destination, dnis, ani, call_id
        FROM hold JOIN card USING (card_id) JOIN product ON product.product_id = hold.product_id
        WHERE hold_id = p_hold_id;
    ELSE
        SELECT p_otherwise AS outcome;
    END IF;
END
