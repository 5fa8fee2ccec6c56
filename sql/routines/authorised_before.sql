-- The answer of authorise to a hold id that it has seen before: the first one again, or HOLD_USED when the hold is
-- another card's or settled. "otherwise" is the outcome for a hold id not seen before.
CREATE OR REPLACE PROCEDURE authorised_before(
    IN p_hold_id BINARY(16),
    IN p_card_id BIGINT UNSIGNED,
    IN p_otherwise VARCHAR(24)
)
READS SQL DATA
BEGIN
    SELECT COALESCE((
        SELECT IF(hold.state = 'held' AND hold.card_id = p_card_id, CONCAT_WS(
            ',', 'OK', limit_s, hold.held_micros, posted_micros - card.held_micros, hold.warning_s, product.currency,
            hold.language
        ), 'HOLD_USED')
        FROM hold JOIN card USING (card_id) JOIN product ON product.product_id = hold.product_id
        WHERE hold_id = p_hold_id
    ), p_otherwise) AS answer;
END
