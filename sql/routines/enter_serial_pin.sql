-- A card holder logs in with serial and PIN. Returns one row: OK, WRONG_PIN or LOCKED. The PIN of another card is as wrong
-- as one that no card has, and counts the same: else this would be a way to try PINs.
CREATE OR REPLACE PROCEDURE enter_serial_pin(
    IN p_serial BIGINT UNSIGNED,
    IN p_pin_hash BINARY(32),
    IN p_subject VARCHAR(15),
    IN p_trunk VARCHAR(64),
    IN p_subject_most INT UNSIGNED,
    IN p_trunk_most INT UNSIGNED,
    IN p_all_most INT UNSIGNED,
    IN p_lock_s INT UNSIGNED,
    IN p_now_us BIGINT
)
MODIFIES SQL DATA
BEGIN
    DECLARE v_outcome VARCHAR(24) DEFAULT 'OK';
    IF pin_locked_until(p_subject, p_trunk, p_now_us) > 0 THEN
        SET v_outcome = 'LOCKED';
    ELSEIF NOT EXISTS (SELECT 1 FROM card WHERE pin_hash = p_pin_hash AND serial = p_serial) THEN
        SET v_outcome = 'WRONG_PIN';
        CALL count_wrong_pin('all', '', p_all_most, p_lock_s, p_now_us);
        CALL count_wrong_pin('trunk', p_trunk, p_trunk_most, p_lock_s, p_now_us);
        CALL count_wrong_pin('ani', p_subject, p_subject_most, p_lock_s, p_now_us);
    END IF;
    SELECT v_outcome AS outcome;
END
