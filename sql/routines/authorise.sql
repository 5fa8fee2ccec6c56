-- May this card place this call, for how long, and hold what that costs: one round trip, one durable transaction.
--
-- The caller has found the rate in the deck it has in memory, and says which deck version that was: STALE_DECK sends
-- it back to load the current one. A repeated hold id gets the answer of the first time.
-- Returns one row of one column, as each further column costs every call: the outcome (OK, STALE_DECK, or a Refusal of
-- rating/outcome.py), then for OK limit_s, held_micros, available_micros, warning_s, currency, language, comma separated.
--
-- The rate comes packed (rating/rate.py), and once more taken apart: one tier is the rule and is worked out here, by the
-- rule of routine affordable, which works out several.
CREATE OR REPLACE PROCEDURE authorise(
    IN p_hold_id BINARY(16),
    IN p_call_id BINARY(16),
    IN p_card_id BIGINT UNSIGNED,
    IN p_product_id INT UNSIGNED,
    IN p_deck_version INT UNSIGNED,
    IN p_rate VARCHAR(320) CHARACTER SET ascii,
    IN p_tiers INT,
    IN p_fee BIGINT,            -- connect fee and surcharge
    IN p_minimum BIGINT,        -- minimum charge
    IN p_shortest INT,          -- the shortest call that is not free by rule
    IN p_initial INT,           -- the first increment: seconds, and seconds times rate per minute
    IN p_initial_price BIGINT,
    IN p_increment INT,         -- the later ones
    IN p_increment_price BIGINT,
    IN p_prefix VARCHAR(15),
    IN p_destination VARCHAR(64),
    IN p_dnis VARCHAR(15),
    IN p_ani VARCHAR(15),
    IN p_trunk VARCHAR(64),
    IN p_access_number VARCHAR(15),
    IN p_attestation CHAR(1),
    IN p_language VARCHAR(8),
    IN p_default_language VARCHAR(8),
    IN p_node VARCHAR(64),
    IN p_now_us BIGINT
)
MODIFIES SQL DATA
BEGIN
    DECLARE v_product_id, v_open, v_valid_days, v_warning_s INT UNSIGNED;
    DECLARE v_hour INT UNSIGNED DEFAULT p_now_us DIV 3600000000;
    DECLARE v_available, v_held, v_calls, v_spent, v_expires_us, v_first_used_us, v_allowance, v_budget, v_cost BIGINT;
    DECLARE v_longest, v_taken, v_limit_s INT DEFAULT 0;
    DECLARE v_outcome VARCHAR(24) DEFAULT 'UNKNOWN_CARD';
    DECLARE v_state VARCHAR(12);
    DECLARE v_language VARCHAR(8);
    DECLARE v_currency CHAR(3);
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        DECLARE v_code INT;
        GET DIAGNOSTICS CONDITION 1 v_code = MYSQL_ERRNO;
        ROLLBACK;
        IF v_code <> 1062 THEN
            RESIGNAL;
        END IF;
        CALL authorised_before(p_hold_id, p_card_id, 'HOLD_USED');
    END;

    START TRANSACTION;
    SELECT
        product_id, state, posted_micros - held_micros, held_micros, open_holds, IF(hour = v_hour, calls_in_hour, 0),
        IF(day = p_now_us DIV 86400000000, spent_in_day, 0), first_used_us, expires_us,
        CASE WHEN p_language <> '' THEN p_language WHEN language <> '' THEN language ELSE p_default_language END
    INTO
        v_product_id, v_state, v_available, v_held, v_open, v_calls, v_spent, v_first_used_us, v_expires_us, v_language
    FROM card WHERE card_id = p_card_id FOR UPDATE;

    -- No row when there is no card: the outcome stays what it is.
    SELECT
        currency, warning_s, valid_days, IF(longest_call_s = 0, 86400, longest_call_s),
        IF(spend_per_day_micros = 0, v_available, LEAST(v_available, spend_per_day_micros - v_spent - v_held)),
        CASE
            WHEN product_id <> p_product_id OR deck_version <> p_deck_version THEN 'STALE_DECK'
            WHEN v_state = 'inactive' OR voucher THEN 'CARD_INACTIVE'
            WHEN v_state = 'blocked' THEN 'CARD_BLOCKED'
            WHEN v_expires_us BETWEEN 1 AND p_now_us OR valid_until_us BETWEEN 1 AND p_now_us THEN 'CARD_EXPIRED'
            WHEN v_state = 'exhausted' THEN 'CARD_EXHAUSTED'
            WHEN v_open >= calls_at_once AND calls_at_once > 0 THEN 'CALL_LIMIT'
            WHEN v_calls >= calls_per_hour AND calls_per_hour > 0 THEN 'VELOCITY'
            WHEN v_available < minimum_balance_micros THEN 'NO_CREDIT'
            ELSE 'OK'
        END
    INTO v_currency, v_warning_s, v_valid_days, v_longest, v_allowance, v_outcome
    FROM product WHERE product_id = v_product_id;

    IF v_outcome = 'OK' THEN
        IF p_tiers > 1 THEN
            CALL affordable(p_rate, v_allowance, v_longest, v_limit_s, v_cost);
        ELSE
            SET v_budget = (v_allowance - p_fee) * 60 - p_initial_price;
            IF v_budget >= 0 AND v_allowance >= p_minimum THEN
                SET v_taken = GREATEST(0, GREATEST(v_longest, p_shortest) - p_initial + p_increment - 1) DIV p_increment;
                IF p_increment_price > 0 THEN
                    SET v_taken = LEAST(v_taken, v_budget DIV p_increment_price);
                END IF;
                SET v_limit_s = LEAST(v_longest, p_initial + v_taken * p_increment);
                SET v_cost = IF(v_limit_s < p_shortest, 0,
                    GREATEST(p_minimum, p_fee + (p_initial_price + v_taken * p_increment_price + 59) DIV 60));
                IF p_initial + v_taken * p_increment < p_shortest THEN
                    SET v_limit_s = 0;
                END IF;
            END IF;
        END IF;
        IF v_limit_s = 0 THEN
            SET v_outcome = IF(v_allowance < v_available, 'VELOCITY', 'NO_CREDIT');
        END IF;
    END IF;

    IF v_outcome = 'OK' THEN
        INSERT INTO hold (
            hold_id, call_id, card_id, held_micros, limit_s, product_id, rate, prefix, destination, dnis, ani, trunk,
            access_number, attestation, language, warning_s, node, placed_us
        ) VALUES (
            p_hold_id, p_call_id, p_card_id, v_cost, v_limit_s, v_product_id, p_rate, p_prefix, p_destination, p_dnis,
            p_ani, p_trunk, p_access_number, p_attestation, v_language, v_warning_s, p_node, p_now_us
        );
        UPDATE card SET
            held_micros = held_micros + v_cost,
            open_holds = open_holds + 1,
            hour = v_hour,
            calls_in_hour = v_calls + 1,
            last_dnis = p_dnis,
            expires_us = IF(v_first_used_us = 0 AND v_valid_days > 0, p_now_us + v_valid_days * 86400000000, expires_us),
            first_used_us = IF(v_first_used_us = 0, p_now_us, v_first_used_us)
        WHERE card_id = p_card_id;
        COMMIT;
        SELECT CONCAT_WS(
            ',', v_outcome, v_limit_s, v_cost, v_available - v_cost, v_warning_s, v_currency, v_language
        ) AS answer;
    ELSE
        ROLLBACK;
        CALL authorised_before(p_hold_id, p_card_id, v_outcome);
    END IF;
END
