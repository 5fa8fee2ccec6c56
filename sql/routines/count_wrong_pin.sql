-- Counts one wrong PIN in a scope. When "most" wrong ones have come with less than an hour between them, the scope is
-- locked: for p_lock_s the first time, twice as long each further time, at most a day. A day of peace forgets it all.
CREATE OR REPLACE PROCEDURE count_wrong_pin(
    IN p_scope VARCHAR(8),
    IN p_subject VARCHAR(64),
    IN p_most INT UNSIGNED,
    IN p_lock_s INT UNSIGNED,
    IN p_now_us BIGINT
)
MODIFIES SQL DATA
BEGIN
    -- Assignments happen from left to right, each sees the ones before it.
    INSERT INTO pin_guard (scope, subject, failures, last_failure_us) VALUES (p_scope, p_subject, 1, p_now_us)
    ON DUPLICATE KEY UPDATE
        lockouts = IF(p_now_us - last_failure_us > 86400000000, 0, lockouts),
        failures = IF(p_now_us - last_failure_us > 3600000000, 0, failures) + 1,
        last_failure_us = p_now_us,
        locked_until_us = IF(
            failures >= p_most, p_now_us + LEAST(p_lock_s * (1 << LEAST(lockouts, 20)), 86400) * 1000000, locked_until_us
        ),
        lockouts = lockouts + (failures >= p_most),
        failures = IF(failures >= p_most, 0, failures);
END
