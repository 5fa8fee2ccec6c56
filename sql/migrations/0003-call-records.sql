-- Call records, one per settled hold, a partition a month: a hundred million of them do not slow a call, and a month
-- leaves by dropping its partition. The keeper adds the coming months (routine add_cdr_partition).
-- depends: 0002-cards-and-ledger

CREATE TABLE cdr (
    placed_us       BIGINT       NOT NULL,
    hold_id         BINARY(16)   NOT NULL,
    call_id         BINARY(16)   NOT NULL,
    card_id         BIGINT UNSIGNED NOT NULL,
    product_id      INT UNSIGNED NOT NULL,
    outcome         ENUM('captured', 'void', 'expired') NOT NULL,
    ani             VARCHAR(15)  NULL,
    dnis            VARCHAR(15)  NOT NULL,
    prefix          VARCHAR(15)  NOT NULL,
    destination     VARCHAR(64)  NOT NULL,
    trunk           VARCHAR(64)  NOT NULL,
    access_number   VARCHAR(15)  NULL,
    attestation     CHAR(1)      NOT NULL,
    node            VARCHAR(64)  NOT NULL,
    rate            VARCHAR(320) CHARACTER SET ascii NOT NULL,
    carrier_id      INT UNSIGNED NULL,
    gateway_id      INT UNSIGNED NULL,
    pdd_ms          INT UNSIGNED NULL,
    answered_us     BIGINT       NULL,
    ended_us        BIGINT       NOT NULL,
    seconds         INT UNSIGNED NOT NULL,                  -- connected, before increments
    billable_s      INT UNSIGNED NOT NULL,
    charge_micros   BIGINT       NOT NULL,
    cost_micros     BIGINT       NULL,                      -- what the carrier takes, NULL: not known
    cause           SMALLINT UNSIGNED NOT NULL,             -- Q.850
    sip_status      SMALLINT UNSIGNED NOT NULL,
    ended_by        VARCHAR(16)  NOT NULL,                  -- caller, callee, timeout, platform, sweeper
    PRIMARY KEY (placed_us, hold_id),
    KEY cdr_card (card_id, placed_us),
    CONSTRAINT cdr_amounts CHECK (charge_micros >= 0 AND (cost_micros IS NULL OR cost_micros >= 0))
)
PARTITION BY RANGE (placed_us) (
    PARTITION p000000 VALUES LESS THAN (0),
    PARTITION pfuture VALUES LESS THAN MAXVALUE
);
