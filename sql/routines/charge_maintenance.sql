-- Takes one maintenance fee that is due, or what is available of it, and sets when the next one is. The time it was due
-- is the fee's reference: it is taken once. Returns one row: what was taken, in micro-units.
CREATE OR REPLACE PROCEDURE charge_maintenance(IN p_card_id BIGINT UNSIGNED, IN p_now_us BIGINT)
MODIFIES SQL DATA
BEGIN
    DECLARE v_available, v_fee, v_due_us, v_period_us BIGINT DEFAULT 0;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    START TRANSACTION;
    SELECT posted_micros - held_micros, IF(fee_due_us > 0, fee_due_us, first_used_us) INTO v_available, v_due_us
    FROM card WHERE card_id = p_card_id AND state = 'active' AND first_used_us > 0 FOR UPDATE;
    SELECT maintenance_fee_micros, maintenance_days * 86400000000 INTO v_fee, v_period_us
    FROM card JOIN product USING (product_id) WHERE card_id = p_card_id;
    IF v_due_us > 0 AND (SELECT fee_due_us FROM card WHERE card_id = p_card_id) = 0 THEN
        SET v_due_us = v_due_us + v_period_us;
    END IF;
    SET v_fee = LEAST(v_fee, v_available);
    IF v_due_us > 0 AND v_period_us > 0 AND v_due_us <= p_now_us THEN
        IF v_fee > 0 THEN
            INSERT INTO entry (card_id, kind, amount_micros, reference, note, at_us)
            VALUES (p_card_id, 'fee', -v_fee, CONCAT('maintenance ', v_due_us), 'maintenance', p_now_us);
        END IF;
        UPDATE card SET posted_micros = posted_micros - v_fee, fee_due_us = v_due_us + v_period_us WHERE card_id = p_card_id;
    ELSE
        SET v_fee = 0;
    END IF;
    COMMIT;
    SELECT v_fee AS taken_micros;
END
