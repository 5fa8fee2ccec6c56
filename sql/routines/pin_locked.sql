-- Until when PINs from this CallerID, this trunk, or altogether are refused: 0 when they are not.
CREATE OR REPLACE FUNCTION pin_locked_until(p_ani VARCHAR(15), p_trunk VARCHAR(64), p_now_us BIGINT) RETURNS BIGINT
READS SQL DATA
RETURN COALESCE((
    SELECT MAX(locked_until_us) FROM pin_guard
    WHERE (scope, subject) IN (('all', ''), ('trunk', p_trunk), ('ani', COALESCE(p_ani, ''))) AND locked_until_us > p_now_us
), 0)
