-- A PIN that a caller entered. Returns one row: OK, WRONG_PIN or LOCKED, and the card's id.
CREATE OR REPLACE PROCEDURE enter_pin(
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
BEGIN
    DECLARE v_outcome VARCHAR(24);
    DECLARE v_card_id BIGINT UNSIGNED;
    CALL guarded_pin(
        p_pin_hash, p_ani, p_trunk, p_ani_most, p_trunk_most, p_all_most, p_lock_s, p_now_us, v_outcome, v_card_id
    );
    SELECT v_outcome AS outcome, v_card_id AS card_id;
END
