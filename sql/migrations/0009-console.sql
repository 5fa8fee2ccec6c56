-- The console: its operators, their sessions (and the card holders'), tokens of programs, who did what.
-- depends: 0008-legs-of-running-calls

CREATE TABLE operator (
    operator_id      INT UNSIGNED NOT NULL AUTO_INCREMENT,
    name             VARCHAR(32)  NOT NULL,
    role             ENUM('support', 'cashier', 'manager', 'admin') NOT NULL,
    password_hash    VARCHAR(160) NOT NULL DEFAULT '',      -- Argon2id, '': no password is right
    must_change      BOOLEAN      NOT NULL DEFAULT TRUE,    -- the password was given by somebody else: good for one log-in
    totp_secret      VARCHAR(64)  NOT NULL DEFAULT '',      -- '': no second factor
    totp_step        BIGINT       NOT NULL DEFAULT 0,       -- the last code's period: a code counts once
    failures         INT UNSIGNED NOT NULL DEFAULT 0,       -- in a row
    locked_until_us  BIGINT       NOT NULL DEFAULT 0,
    disabled         BOOLEAN      NOT NULL DEFAULT FALSE,
    created_us       BIGINT       NOT NULL,
    last_login_us    BIGINT       NULL,
    PRIMARY KEY (operator_id),
    UNIQUE KEY operator_name (name)
);

-- Who has the cookie is logged in; only its SHA-256 is here.
CREATE TABLE web_session (
    cookie_hash   BINARY(32)   NOT NULL,
    kind          ENUM('operator', 'card') NOT NULL,
    subject_id    BIGINT UNSIGNED NOT NULL,                 -- operator_id or card_id
    created_us    BIGINT       NOT NULL,
    seen_us       BIGINT       NOT NULL,
    ends_us       BIGINT       NOT NULL,                    -- at the latest
    PRIMARY KEY (cookie_hash),
    KEY web_session_of (kind, subject_id)
);

CREATE TABLE api_token (
    token_id      INT UNSIGNED NOT NULL AUTO_INCREMENT,
    name          VARCHAR(32)  NOT NULL,
    token_hash    BINARY(32)   NOT NULL,                    -- SHA-256 of 256 random bits
    scopes        VARCHAR(128) NOT NULL,                    -- separated by spaces
    made_by       VARCHAR(64)  NOT NULL,
    created_us    BIGINT       NOT NULL,
    ends_us       BIGINT       NOT NULL DEFAULT 0,          -- 0: without end
    last_used_us  BIGINT       NULL,
    revoked_us    BIGINT       NULL,
    PRIMARY KEY (token_id),
    UNIQUE KEY api_token_name (name),
    UNIQUE KEY api_token_hash (token_hash)
);

-- Who did what. Append-only; neither passwords nor PINs are ever in it.
CREATE TABLE audit (
    audit_id      BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    at_us         BIGINT       NOT NULL,
    actor         VARCHAR(64)  NOT NULL,                    -- "operator alice", "token shop", "card 000000100001"
    address       VARCHAR(45)  NOT NULL,
    action        VARCHAR(32)  NOT NULL,                    -- "card.adjust"
    subject       VARCHAR(64)  NOT NULL DEFAULT '',         -- a serial, a batch, a deck, an operator
    outcome       VARCHAR(32)  NOT NULL,                    -- "ok", or why not
    detail        VARCHAR(512) NOT NULL DEFAULT '',
    PRIMARY KEY (audit_id),
    KEY audit_subject (subject, audit_id),
    KEY audit_actor (actor, audit_id)
);

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit FOR EACH ROW
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the audit trail is append-only';

CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit FOR EACH ROW
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the audit trail is append-only';

-- For the chart of calls at once, kept by the console: the most of each minute.
CREATE TABLE traffic_minute (
    minute        INT UNSIGNED NOT NULL,                    -- since the epoch
    calls         INT UNSIGNED NOT NULL,
    PRIMARY KEY (minute)
);

-- The caller's own id of the request that issued a batch: repeating the request issues nothing more.
ALTER TABLE batch ADD COLUMN reference VARCHAR(64) NULL, ADD UNIQUE KEY batch_reference (reference);
