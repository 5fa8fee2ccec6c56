-- Cards, holds, entries: the money.
--
-- For each card, at every moment: the sum of its entries = posted, 0 <= held <= posted, available = posted - held.
-- Lock order of every transaction: cards by rising card_id, then their holds.
-- depends: 0001-products-and-decks

CREATE TABLE batch (
    batch_id            INT UNSIGNED NOT NULL AUTO_INCREMENT,
    product_id          INT UNSIGNED NOT NULL,
    cards               INT UNSIGNED NOT NULL,
    face_value_micros   BIGINT       NOT NULL,
    pin_length          TINYINT UNSIGNED NOT NULL,
    issued_us           BIGINT       NOT NULL,
    exported_us         BIGINT       NULL,                  -- its PINs were written out for print, once
    PRIMARY KEY (batch_id),
    FOREIGN KEY (product_id) REFERENCES product (product_id),
    CONSTRAINT pin_length_range CHECK (pin_length BETWEEN 8 AND 20),
    CONSTRAINT face_value CHECK (face_value_micros >= 0)
);

-- One row per card, kept narrow: every call locks one. What a call changes has a fixed size, never NULL, so that the row
-- is changed where it is (0 stands for "never", "none"). No foreign keys on what a call touches: their checks would lock
-- the product's row in every authorise, and cards are only made by issue_batch.
CREATE TABLE card (
    card_id          BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    product_id       INT UNSIGNED NOT NULL,
    batch_id         INT UNSIGNED NOT NULL,
    state            ENUM('inactive', 'active', 'blocked', 'exhausted') NOT NULL,
    posted_micros    BIGINT       NOT NULL,
    held_micros      BIGINT       NOT NULL DEFAULT 0,
    open_holds       SMALLINT UNSIGNED NOT NULL DEFAULT 0,
    hour             INT UNSIGNED NOT NULL DEFAULT 0,       -- the hour (since the epoch) calls_in_hour counts
    calls_in_hour    SMALLINT UNSIGNED NOT NULL DEFAULT 0,
    day              INT UNSIGNED NOT NULL DEFAULT 0,       -- the day (since the epoch) spent_in_day counts
    spent_in_day     BIGINT       NOT NULL DEFAULT 0,
    first_used_us    BIGINT       NOT NULL DEFAULT 0,
    expires_us       BIGINT       NOT NULL DEFAULT 0,
    fee_due_us       BIGINT       NOT NULL DEFAULT 0,       -- next maintenance fee
    last_dnis        BIGINT UNSIGNED NOT NULL DEFAULT 0,
    language         VARCHAR(8)   NOT NULL DEFAULT '',      -- the last choice
    serial           BIGINT UNSIGNED NOT NULL,              -- printed on the card, shown with 12 digits
    pin_hash         BINARY(32)   NOT NULL,                 -- HMAC-SHA256 of the PIN under the pepper
    PRIMARY KEY (card_id),
    UNIQUE KEY card_serial (serial),
    UNIQUE KEY card_pin (pin_hash),
    CONSTRAINT held_within_posted CHECK (0 <= held_micros AND held_micros <= posted_micros),
    CONSTRAINT nothing_held_without_a_hold CHECK (open_holds > 0 OR held_micros = 0)
);

-- The numbers whose owners are not asked for a PIN. A number belongs to one card.
CREATE TABLE caller_id (
    ani            VARCHAR(15)  NOT NULL,
    card_id        BIGINT UNSIGNED NOT NULL,
    registered_us  BIGINT       NOT NULL,
    PRIMARY KEY (ani),
    KEY caller_id_card (card_id),
    CONSTRAINT caller_id_is_e164 CHECK (ani REGEXP '^[0-9]{3,15}$')
);

-- Append-only: what ever happened to a balance. (card_id, kind, reference) makes every posting idempotent.
CREATE TABLE entry (
    entry_id       BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    card_id        BIGINT UNSIGNED NOT NULL,
    kind           ENUM('issue', 'refill', 'charge', 'fee', 'adjustment', 'transfer') NOT NULL,
    amount_micros  BIGINT       NOT NULL,                   -- signed: what it adds to posted
    reference      VARCHAR(64)  NOT NULL,                   -- hold id, fee id, voucher serial, …
    note           VARCHAR(128) NOT NULL DEFAULT '',
    at_us          BIGINT       NOT NULL,
    PRIMARY KEY (entry_id),
    UNIQUE KEY entry_once (card_id, kind, reference),
    CONSTRAINT entry_sign CHECK (
        (kind IN ('issue', 'refill') AND amount_micros >= 0)
        OR (kind IN ('charge', 'fee', 'transfer') AND amount_micros <= 0)
        OR kind = 'adjustment'
    )
);

CREATE TRIGGER entry_is_never_changed BEFORE UPDATE ON entry FOR EACH ROW
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'entries are append-only: post an adjustment';

CREATE TRIGGER entry_is_never_deleted BEFORE DELETE ON entry FOR EACH ROW
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'entries are append-only: post an adjustment';

-- held -> captured | void | expired, and nothing leaves the last three. The terms are a snapshot: a new deck or a
-- changed product never changes what a call in progress costs.
CREATE TABLE hold (
    hold_id         BINARY(16)   NOT NULL,
    call_id         BINARY(16)   NOT NULL,
    card_id         BIGINT UNSIGNED NOT NULL,
    state           ENUM('held', 'captured', 'void', 'expired') NOT NULL DEFAULT 'held',
    held_micros     BIGINT       NOT NULL,
    limit_s         INT UNSIGNED NOT NULL,
    charge_micros   BIGINT       NULL,
    billable_s      INT UNSIGNED NULL,
    -- what was authorised
    product_id      INT UNSIGNED NOT NULL,
    rate            VARCHAR(320) CHARACTER SET ascii NOT NULL,   -- packed, see rating/rate.py
    prefix          VARCHAR(15)  NOT NULL,
    destination     VARCHAR(64)  NOT NULL,
    dnis            VARCHAR(15)  NOT NULL,
    ani             VARCHAR(15)  NULL,
    trunk           VARCHAR(64)  NOT NULL DEFAULT '',
    access_number   VARCHAR(15)  NULL,
    attestation     CHAR(1)      NOT NULL DEFAULT '',
    language        VARCHAR(8)   NOT NULL DEFAULT '',
    warning_s       SMALLINT UNSIGNED NOT NULL DEFAULT 0,
    node            VARCHAR(64)  NOT NULL DEFAULT '',
    placed_us       BIGINT       NOT NULL,
    -- the second leg of an IVR call, which may use it once
    claimant        VARCHAR(128) NULL,
    -- the call while it runs, from its answer event
    answered_us     BIGINT       NULL,
    answer_mono_us  BIGINT       NULL,
    boot            CHAR(8)      NULL,
    sip_call_id     VARCHAR(255) NULL,
    from_tag        VARCHAR(128) NULL,                      -- the card holder's side
    to_tag          VARCHAR(128) NULL,
    dialog          VARCHAR(32)  NULL,
    carrier_id      INT UNSIGNED NULL,
    gateway_id      INT UNSIGNED NULL,
    pdd_ms          INT UNSIGNED NULL,
    last_seen_us    BIGINT       NULL,                      -- last sign of life
    warned_us       BIGINT       NULL,                      -- the warning before the limit was played
    recorded        BOOLEAN      NOT NULL DEFAULT FALSE,    -- its call record is written
    settled_us      BIGINT       NULL,
    PRIMARY KEY (hold_id),
    KEY hold_open (state, placed_us),
    CONSTRAINT hold_amount CHECK (held_micros >= 0 AND limit_s > 0),
    CONSTRAINT captured_within_held CHECK (charge_micros IS NULL OR (0 <= charge_micros AND charge_micros <= held_micros)),
    CONSTRAINT captured_has_charge CHECK ((state = 'captured') = (charge_micros IS NOT NULL)),
    CONSTRAINT settled_has_time CHECK ((state = 'held') = (settled_us IS NULL))
);

-- How far a node's call journal has been applied. Written in the transaction that applied it.
CREATE TABLE journal_position (
    node           VARCHAR(64)  NOT NULL,
    file           VARCHAR(64)  NOT NULL,
    applied_bytes  BIGINT UNSIGNED NOT NULL,
    applied_us     BIGINT       NOT NULL,
    PRIMARY KEY (node, file)
);

-- Sums that the keepers add to in the transactions they settle in: counters that no restart resets or doubles.
CREATE TABLE tally (
    node           VARCHAR(64)  NOT NULL,
    name           VARCHAR(16)  NOT NULL,                   -- charged, cost (micro-units), calls, seconds, sweeps, …
    label          VARCHAR(16)  NOT NULL,                   -- currency or outcome
    value          BIGINT       NOT NULL,
    PRIMARY KEY (node, name, label)
);

-- Wrong PINs by CallerID, by trunk and altogether. Each lock-out lasts longer than the one before.
CREATE TABLE pin_guard (
    scope            ENUM('ani', 'trunk', 'all') NOT NULL,
    subject          VARCHAR(64)  NOT NULL,
    failures         INT UNSIGNED NOT NULL,
    last_failure_us  BIGINT       NOT NULL,
    lockouts         SMALLINT UNSIGNED NOT NULL DEFAULT 0,
    locked_until_us  BIGINT       NOT NULL DEFAULT 0,
    PRIMARY KEY (scope, subject)
);

-- Serials are given out in order, by one transaction at a time.
CREATE TABLE serial_counter (
    only_row       TINYINT UNSIGNED NOT NULL DEFAULT 1,
    next_serial    BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (only_row),
    CONSTRAINT one_serial_counter CHECK (only_row = 1)
);

INSERT INTO serial_counter (next_serial) VALUES (100001);
