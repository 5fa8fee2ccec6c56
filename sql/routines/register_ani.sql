-- Registers a CallerID on a card. Returns one row: OK (also when it is there already), ANI_TAKEN or UNKNOWN_CARD.
CREATE OR REPLACE PROCEDURE register_ani(IN p_card_id BIGINT UNSIGNED, IN p_ani VARCHAR(15), IN p_now_us BIGINT)
MODIFIES SQL DATA
BEGIN
    DECLARE v_most, v_count INT;
    DECLARE v_owner BIGINT UNSIGNED;
    DECLARE v_outcome VARCHAR(24) DEFAULT 'OK';
    DECLARE EXIT HANDLER FOR 1062
    BEGIN
        ROLLBACK;
        SELECT 'ANI_TAKEN' AS outcome;
    END;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    START TRANSACTION;
    SELECT card_id INTO v_owner FROM card WHERE card_id = p_card_id FOR UPDATE;
    IF v_owner IS NULL THEN
        SET v_outcome = 'UNKNOWN_CARD';
    ELSE
        SET v_most = (SELECT caller_ids_max FROM card JOIN product USING (product_id) WHERE card_id = p_card_id);
        SET v_count = (SELECT COUNT(*) FROM caller_id WHERE card_id = p_card_id);
        SET v_owner = (SELECT card_id FROM caller_id WHERE ani = p_ani);
        IF v_owner IS NULL AND v_count < v_most THEN
            INSERT INTO caller_id (ani, card_id, registered_us) VALUES (p_ani, p_card_id, p_now_us);
        ELSEIF v_owner IS NULL OR v_owner <> p_card_id THEN
            SET v_outcome = 'ANI_TAKEN';
        END IF;
    END IF;
    COMMIT;
    SELECT v_outcome AS outcome;
END
