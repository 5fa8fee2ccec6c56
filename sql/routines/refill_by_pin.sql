-- Moves what is available on the card or voucher with this PIN to another card of the same currency.
-- Returns one row: OK, LOCKED, WRONG_PIN, VOUCHER_USED (spent, inactive, other currency, the same card), NOT_REFILLABLE.
CREATE OR REPLACE PROCEDURE refill_by_pin(
    IN p_card_id BIGINT UNSIGNED,
    IN p_pin_hash BINARY(32),
    IN p_ani VARCHAR(15),
    IN p_trunk VARCHAR(64),
    IN p_ani_most INT UNSIGNED,
    IN p_trunk_most INT UNSIGNED,
    IN p_all_most INT UNSIGNED,
    IN p_lock_s INT UNSIGNED,
    IN p_now_us BIGINT
)
MODIFIES SQL DATA
refill: BEGIN
    DECLARE v_outcome VARCHAR(24);
    DECLARE v_source_id BIGINT UNSIGNED;
    DECLARE v_amount BIGINT DEFAULT 0;
    DECLARE v_locked INT;
    DECLARE v_transfer VARCHAR(64);
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    IF NOT EXISTS (
        SELECT 1 FROM card JOIN product USING (product_id)
        WHERE card_id = p_card_id AND refillable AND NOT voucher AND state = 'active'
    ) THEN
        SELECT 'NOT_REFILLABLE' AS outcome;
        LEAVE refill;
    END IF;
    CALL guarded_pin(
        p_pin_hash, p_ani, p_trunk, p_ani_most, p_trunk_most, p_all_most, p_lock_s, p_now_us, v_outcome, v_source_id
    );
    IF v_outcome <> 'OK' THEN
        SELECT v_outcome AS outcome;
        LEAVE refill;
    END IF;

    START TRANSACTION;
    SELECT COUNT(*) INTO v_locked FROM (
        SELECT card_id FROM card WHERE card_id IN (p_card_id, v_source_id) ORDER BY card_id FOR UPDATE
    ) AS both_cards;
    SELECT source.posted_micros - source.held_micros INTO v_amount
    FROM card AS source
    JOIN product AS source_product ON source_product.product_id = source.product_id
    JOIN card AS target ON target.card_id = p_card_id
    JOIN product AS target_product ON target_product.product_id = target.product_id
    WHERE source.card_id = v_source_id AND source.card_id <> p_card_id AND source.state = 'active'
        AND source_product.currency = target_product.currency
        AND (source.expires_us = 0 OR source.expires_us > p_now_us)
        AND (source_product.valid_until_us = 0 OR source_product.valid_until_us > p_now_us);
    IF v_amount <= 0 THEN
        ROLLBACK;
        SELECT 'VOUCHER_USED' AS outcome;
        LEAVE refill;
    END IF;
    SET v_transfer = LOWER(HEX(UNHEX(REPLACE(UUID(), '-', ''))));
    INSERT INTO entry (card_id, kind, amount_micros, reference, note, at_us)
    SELECT v_source_id, 'transfer', -v_amount, v_transfer, CONCAT('to card ', LPAD(serial, 12, '0')), p_now_us
    FROM card WHERE card_id = p_card_id;
    INSERT INTO entry (card_id, kind, amount_micros, reference, note, at_us)
    SELECT p_card_id, 'refill', v_amount, v_transfer, CONCAT('from card ', LPAD(serial, 12, '0')), p_now_us
    FROM card WHERE card_id = v_source_id;
    UPDATE card JOIN product USING (product_id) SET
        posted_micros = posted_micros - v_amount,
        state = IF((voucher OR NOT refillable) AND open_holds = 0, 'exhausted', state)
    WHERE card_id = v_source_id;
    UPDATE card SET posted_micros = posted_micros + v_amount WHERE card_id = p_card_id;
    COMMIT;
    SELECT 'OK' AS outcome;
END
