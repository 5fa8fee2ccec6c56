-- May this card place this call, for how long, and hold what that costs: one round trip, one durable transaction.
--
-- The caller has found the rate in the deck it has in memory, and says which deck version that was: STALE_DECK sends
-- it back to load the current one. A repeated hold id gets the answer of the first time.
-- Returns one row, its first column the outcome: OK, STALE_DECK, or a Refusal of rating/outcome.py.
CREATE OR REPLACE PROCEDURE authorise(
    IN p_hold_id BINARY(16),
    IN p_call_id BINARY(16),
    IN p_card_id BIGINT UNSIGNED,
    IN p_product_id INT UNSIGNED,
    IN p_deck_version INT UNSIGNED,
    IN p_rate VARCHAR(320) CHARACTER SET ascii,
    IN p_prefix VARCHAR(15),
    IN p_destination VARCHAR(64),
    IN p_dnis VARCHAR(15),
    IN p_ani VARCHAR(15),
    IN p_trunk VARCHAR(64),
    IN p_access_number VARCHAR(15),
    IN p_attestation CHAR(1),
    IN p_language VARCHAR(8),
    IN p_node VARCHAR(64),
    IN p_now_us BIGINT
)
MODIFIES SQL DATA
authorise: BEGIN
    DECLARE v_outcome VARCHAR(24) DEFAULT 'UNKNOWN_CARD';
    DECLARE v_product_id, v_hour, v_day INT UNSIGNED;
    DECLARE v_state VARCHAR(12);
    DECLARE v_available, v_held, v_spent, v_expires_us, v_minimum_micros, v_spend_max, v_cost BIGINT;
    DECLARE v_open, v_calls, v_at_once, v_per_hour, v_warning_s INT UNSIGNED;
    DECLARE v_version, v_valid_days INT UNSIGNED;
    DECLARE v_longest, v_limit_s INT;
    DECLARE v_first_used_us, v_valid_until_us BIGINT;
    DECLARE v_currency CHAR(3);
    DECLARE v_language VARCHAR(8);
    DECLARE v_voucher BOOLEAN;
    DECLARE v_allowance BIGINT;

    DECLARE EXIT HANDLER FOR 1062
    BEGIN
        ROLLBACK;
        CALL authorised_before(p_hold_id, p_card_id, NULL);
    END;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    SET v_hour = p_now_us DIV 3600000000, v_day = p_now_us DIV 86400000000;
    START TRANSACTION;
    SELECT
        product_id, state, posted_micros - held_micros, held_micros, open_holds, IF(hour = v_hour, calls_in_hour, 0),
        IF(day = v_day, spent_in_day, 0), first_used_us, expires_us, IF(p_language = '', language, p_language)
    INTO
        v_product_id, v_state, v_available, v_held, v_open, v_calls, v_spent, v_first_used_us, v_expires_us, v_language
    FROM card WHERE card_id = p_card_id FOR UPDATE;

    IF v_product_id IS NOT NULL THEN
        SELECT
            product.currency, deck.version, IF(longest_call_s = 0, 86400, longest_call_s), calls_at_once, warning_s,
            minimum_balance_micros, valid_until_us, valid_days, calls_per_hour, spend_per_day_micros, voucher
        INTO
            v_currency, v_version, v_longest, v_at_once, v_warning_s,
            v_minimum_micros, v_valid_until_us, v_valid_days, v_per_hour, v_spend_max, v_voucher
        FROM product JOIN deck USING (deck_id) WHERE product.product_id = v_product_id;

        SET v_allowance = IF(v_spend_max = 0, v_available, LEAST(v_available, v_spend_max - v_spent - v_held));
        SET v_outcome = CASE
            WHEN v_product_id <> p_product_id OR v_version <> p_deck_version THEN 'STALE_DECK'
            WHEN v_state = 'inactive' OR v_voucher THEN 'CARD_INACTIVE'
            WHEN v_state = 'blocked' THEN 'CARD_BLOCKED'
            WHEN v_expires_us <= p_now_us OR v_valid_until_us <= p_now_us THEN 'CARD_EXPIRED'
            WHEN v_state = 'exhausted' THEN 'CARD_EXHAUSTED'
            WHEN v_at_once > 0 AND v_open >= v_at_once THEN 'CALL_LIMIT'
            WHEN v_per_hour > 0 AND v_calls >= v_per_hour THEN 'VELOCITY'
            WHEN v_available < v_minimum_micros THEN 'NO_CREDIT'
            ELSE 'OK'
        END;
    END IF;
    IF v_outcome = 'OK' THEN
        CALL affordable(p_rate, v_allowance, v_longest, v_limit_s, v_cost);
        IF v_limit_s = 0 THEN
            SET v_outcome = IF(v_allowance < v_available, 'VELOCITY', 'NO_CREDIT');
        END IF;
    END IF;
    IF v_outcome <> 'OK' THEN
        ROLLBACK;
        CALL authorised_before(p_hold_id, p_card_id, v_outcome);
        LEAVE authorise;
    END IF;

    IF v_language IS NULL THEN
        SET v_language = COALESCE((SELECT code FROM product_language WHERE product_id = v_product_id ORDER BY position LIMIT 1), '');
    END IF;
    INSERT INTO hold (
        hold_id, call_id, card_id, held_micros, limit_s, product_id, rate, prefix, destination, dnis, ani, trunk,
        access_number, attestation, language, warning_s, node, placed_us
    ) VALUES (
        p_hold_id, p_call_id, p_card_id, v_cost, v_limit_s, v_product_id, p_rate, p_prefix, p_destination, p_dnis, p_ani,
        p_trunk, p_access_number, p_attestation, v_language, v_warning_s, p_node, p_now_us
    );
    UPDATE card SET
        held_micros = held_micros + v_cost,
        open_holds = open_holds + 1,
        hour = v_hour,
        calls_in_hour = v_calls + 1,
        last_dnis = p_dnis,
        expires_us = IF(v_first_used_us IS NULL AND v_valid_days > 0, p_now_us + v_valid_days * 86400000000, expires_us),
        first_used_us = COALESCE(v_first_used_us, p_now_us)
    WHERE card_id = p_card_id;
    COMMIT;
    SELECT
        'OK' AS outcome, v_limit_s AS limit_s, v_cost AS held_micros, v_available - v_cost AS available_micros,
        v_currency AS currency, v_language AS language, v_warning_s AS warning_s, p_destination AS destination,
        p_dnis AS dnis, p_ani AS ani, p_call_id AS call_id;
END
