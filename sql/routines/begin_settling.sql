-- The table that settle_batch reads, empty: this connection's own.
CREATE OR REPLACE PROCEDURE begin_settling()
MODIFIES SQL DATA
BEGIN
    CREATE TEMPORARY TABLE IF NOT EXISTS settled (
        hold_id BINARY(16) NOT NULL PRIMARY KEY,
        card_id BIGINT UNSIGNED NOT NULL,
        settles BOOLEAN NOT NULL,
        state VARCHAR(10) NOT NULL,
        held_micros BIGINT NOT NULL,
        limit_s INT UNSIGNED NOT NULL,
        charge_micros BIGINT NOT NULL,
        billable_s INT UNSIGNED NOT NULL,
        seconds INT UNSIGNED NOT NULL,
        relies BOOLEAN NOT NULL,             -- on what the hold said of the call's answer
        seen_answered_us BIGINT NULL,
        answered_us BIGINT NULL,
        ended_us BIGINT NOT NULL,
        carrier_id INT UNSIGNED NULL,
        gateway_id INT UNSIGNED NULL,
        pdd_ms INT UNSIGNED NULL,
        cost_micros BIGINT NULL,
        cause SMALLINT UNSIGNED NOT NULL,
        sip_status SMALLINT UNSIGNED NOT NULL,
        ended_by VARCHAR(16) NOT NULL,
        node VARCHAR(64) NOT NULL
    ) ENGINE = MEMORY;
    DELETE FROM settled;
END
