-- After a refill during the call: raises a hold to what the longest affordable call costs now, at the terms it was made
-- with. Never lowers it; a settled hold, or one of a card that is not active, stays as it is. Returns the hold as it then
-- stands, no row when there is none. The warning is played again before the new limit.
CREATE OR REPLACE PROCEDURE extend_hold(IN p_hold_id BINARY(16), IN p_now_us BIGINT)
MODIFIES SQL DATA
BEGIN
    DECLARE v_card_id BIGINT UNSIGNED;
    DECLARE v_rate VARCHAR(320) CHARACTER SET ascii;
    DECLARE v_product_id INT UNSIGNED;
    DECLARE v_held, v_free, v_spent, v_cost BIGINT DEFAULT 0;
    DECLARE v_limit_s, v_longest, v_new_limit_s INT DEFAULT 0;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    SELECT card_id INTO v_card_id FROM hold WHERE hold_id = p_hold_id;
    IF v_card_id IS NOT NULL THEN
        START TRANSACTION;
        SELECT product_id, posted_micros - held_micros, held_micros + IF(day = p_now_us DIV 86400000000, spent_in_day, 0)
        INTO v_product_id, v_free, v_spent
        FROM card WHERE card_id = v_card_id AND state = 'active' FOR UPDATE;
        -- The day's spending limit leaves what it leaves to authorise.
        SELECT
            IF(spend_per_day_micros = 0, v_free, LEAST(v_free, spend_per_day_micros - v_spent)),
            IF(longest_call_s = 0, 86400, longest_call_s)
        INTO v_free, v_longest
        FROM product WHERE product_id = v_product_id;
        SELECT rate, held_micros, limit_s INTO v_rate, v_held, v_limit_s
        FROM hold WHERE hold_id = p_hold_id AND state = 'held' FOR UPDATE;
        IF v_rate IS NOT NULL AND v_free > 0 THEN
            CALL affordable(v_rate, v_held + v_free, v_longest, v_new_limit_s, v_cost);
            IF v_new_limit_s > v_limit_s THEN
                UPDATE card SET held_micros = held_micros + v_cost - v_held WHERE card_id = v_card_id;
                UPDATE hold SET held_micros = v_cost, limit_s = v_new_limit_s, warned_us = NULL WHERE hold_id = p_hold_id;
            END IF;
        END IF;
        COMMIT;
    END IF;
    SELECT state, held_micros, limit_s, charge_micros, billable_s FROM hold WHERE hold_id = p_hold_id;
END
