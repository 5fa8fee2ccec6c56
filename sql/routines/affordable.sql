-- The longest call that "available" pays for at a packed rate, never above "longest" seconds, and its exact cost.
-- limit_s is 0 when not even the shortest call that is not free by rule can be paid.
-- The same rule as in rating/rate.py, where it is explained; a test compares the two.
CREATE OR REPLACE PROCEDURE affordable(
    IN packed VARCHAR(320) CHARACTER SET ascii,
    IN available BIGINT,
    IN longest INT,
    OUT limit_s INT,
    OUT cost BIGINT
)
DETERMINISTIC NO SQL
BEGIN
    DECLARE head VARCHAR(80) CHARACTER SET ascii DEFAULT SUBSTRING_INDEX(packed, ';', 1);
    DECLARE rest VARCHAR(320) CHARACTER SET ascii DEFAULT SUBSTRING(packed, LENGTH(head) + 2);
    DECLARE tier VARCHAR(80) CHARACTER SET ascii DEFAULT SUBSTRING_INDEX(rest, ';', 1);
    DECLARE fee BIGINT DEFAULT CAST(SUBSTRING_INDEX(head, ',', 1) AS SIGNED);
    DECLARE minimum BIGINT DEFAULT CAST(SUBSTRING_INDEX(SUBSTRING_INDEX(head, ',', 2), ',', -1) AS SIGNED);
    DECLARE grace INT DEFAULT CAST(SUBSTRING_INDEX(SUBSTRING_INDEX(head, ',', 3), ',', -1) AS SIGNED);
    DECLARE position INT DEFAULT CAST(SUBSTRING_INDEX(head, ',', -1) AS SIGNED);
    DECLARE price BIGINT DEFAULT CAST(SUBSTRING_INDEX(SUBSTRING_INDEX(tier, ',', 2), ',', -1) AS SIGNED);
    -- Sixtieths of micro-units, as a rate is per minute: ceil(x / 60) <= b exactly when x <= b * 60.
    DECLARE used BIGINT DEFAULT position * price;
    DECLARE budget BIGINT DEFAULT (available - fee) * 60 - used;
    DECLARE cap INT DEFAULT GREATEST(longest, 1, grace);
    DECLARE tier_end, increment INT;
    DECLARE wanted, taken, step BIGINT;

    SET limit_s = 0, cost = 0;
    IF budget >= 0 AND available >= minimum THEN
        tiers: LOOP
            SET rest = SUBSTRING(rest, LENGTH(tier) + 2);
            SET tier_end = IF(rest = '', cap, LEAST(cap, CAST(SUBSTRING_INDEX(rest, ',', 1) AS SIGNED)));
            IF position < tier_end THEN
                SET increment = CAST(SUBSTRING_INDEX(tier, ',', -1) AS SIGNED), step = increment * price;
                SET wanted = -((position - tier_end) DIV increment);
                -- DIV cuts towards zero: a rest means one more increment has begun.
                IF (tier_end - position) % increment > 0 THEN
                    SET wanted = wanted + 1;
                END IF;
                SET taken = IF(step = 0, wanted, LEAST(wanted, budget DIV step));
                SET position = position + taken * increment, budget = budget - taken * step, used = used + taken * step;
                IF taken < wanted THEN
                    LEAVE tiers;
                END IF;
            END IF;
            IF rest = '' THEN
                LEAVE tiers;
            END IF;
            SET tier = SUBSTRING_INDEX(rest, ';', 1);
            SET price = CAST(SUBSTRING_INDEX(SUBSTRING_INDEX(tier, ',', 2), ',', -1) AS SIGNED);
        END LOOP;
        IF position >= GREATEST(1, grace) THEN
            SET limit_s = LEAST(position, longest);
            SET cost = IF(limit_s < grace, 0, GREATEST(minimum, fee + used DIV 60 + (used % 60 > 0)));
        END IF;
    END IF;
END
