-- Takes a fee from what is available on a card. The fee's id makes it happen once.
-- Returns one row: OK, UNKNOWN_CARD or NO_CREDIT.
CREATE OR REPLACE PROCEDURE charge_fee(
    IN p_card_id BIGINT UNSIGNED,
    IN p_fee_id VARCHAR(64),
    IN p_amount_micros BIGINT,
    IN p_note VARCHAR(128),
    IN p_now_us BIGINT
)
MODIFIES SQL DATA
BEGIN
    DECLARE v_available BIGINT;
    DECLARE v_outcome VARCHAR(24) DEFAULT 'OK';
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    START TRANSACTION;
    SELECT posted_micros - held_micros INTO v_available FROM card WHERE card_id = p_card_id FOR UPDATE;
    IF v_available IS NULL THEN
        SET v_outcome = 'UNKNOWN_CARD';
    ELSEIF NOT EXISTS (SELECT 1 FROM entry WHERE card_id = p_card_id AND kind = 'fee' AND reference = p_fee_id) THEN
        IF v_available < p_amount_micros THEN
            SET v_outcome = 'NO_CREDIT';
        ELSE
            INSERT INTO entry (card_id, kind, amount_micros, reference, note, at_us)
            VALUES (p_card_id, 'fee', -p_amount_micros, p_fee_id, p_note, p_now_us);
            UPDATE card SET posted_micros = posted_micros - p_amount_micros WHERE card_id = p_card_id;
        END IF;
    END IF;
    COMMIT;
    SELECT v_outcome AS outcome;
END
