-- Looks a PIN up behind the guard: LOCKED while a lock-out lasts, WRONG_PIN (and counted) when no card has it, else OK
-- with the card. A right PIN forgets nothing: else one valid card would let its owner guess for ever.
CREATE OR REPLACE PROCEDURE guarded_pin(
    IN p_pin_hash BINARY(32),
    IN p_ani VARCHAR(15),
    IN p_trunk VARCHAR(64),
    IN p_ani_most INT UNSIGNED,
    IN p_trunk_most INT UNSIGNED,
    IN p_all_most INT UNSIGNED,
    IN p_lock_s INT UNSIGNED,
    IN p_now_us BIGINT,
    OUT p_outcome VARCHAR(24),
    OUT p_card_id BIGINT UNSIGNED
)
MODIFIES SQL DATA
BEGIN
    SET p_card_id = NULL;
    IF pin_locked_until(p_ani, p_trunk, p_now_us) > 0 THEN
        SET p_outcome = 'LOCKED';
    ELSE
        SET p_card_id = (SELECT card_id FROM card WHERE pin_hash = p_pin_hash);
        SET p_outcome = IF(p_card_id IS NULL, 'WRONG_PIN', 'OK');
        IF p_card_id IS NULL THEN
            CALL count_wrong_pin('all', '', p_all_most, p_lock_s, p_now_us);
            CALL count_wrong_pin('trunk', p_trunk, p_trunk_most, p_lock_s, p_now_us);
            IF p_ani IS NOT NULL THEN
                CALL count_wrong_pin('ani', p_ani, p_ani_most, p_lock_s, p_now_us);
            END IF;
        END IF;
    END IF;
END
