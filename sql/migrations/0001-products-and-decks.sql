-- Products, rate decks, carriers: what changes rarely and is read by every process.
--
-- Everywhere in this schema: amounts are integer micro-units of a currency (_micros), times are epoch microseconds
-- UTC (_us), numbers are E.164 digits without "+". Zero means "no limit" where a limit is a number.

-- A rate deck. Its compiled rows are in deck_part. Changing "version" replaces the deck, atomically.
CREATE TABLE deck (
    deck_id       INT UNSIGNED NOT NULL AUTO_INCREMENT,
    name          VARCHAR(64)  NOT NULL,
    currency      CHAR(3)      NOT NULL,
    version       INT UNSIGNED NOT NULL DEFAULT 0,       -- 0: nothing imported yet
    PRIMARY KEY (deck_id),
    UNIQUE KEY deck_name (name),
    CONSTRAINT deck_currency_is_iso_4217 CHECK (currency REGEXP '^[A-Z]{3}$')
);

CREATE TABLE deck_version (
    deck_id       INT UNSIGNED NOT NULL,
    version       INT UNSIGNED NOT NULL,
    source        VARCHAR(255) NOT NULL,                 -- the file it was imported from
    prefixes      INT UNSIGNED NOT NULL,
    bytes         BIGINT UNSIGNED NOT NULL,
    sha256        BINARY(32)   NOT NULL,                 -- of the compiled deck: a node checks its copy
    imported_us   BIGINT       NOT NULL,
    PRIMARY KEY (deck_id, version),
    FOREIGN KEY (deck_id) REFERENCES deck (deck_id),
    CONSTRAINT deck_versions_count_from_one CHECK (version > 0)
);

-- The compiled deck in pieces that fit a packet: a node fetches it once and maps it into memory.
CREATE TABLE deck_part (
    deck_id       INT UNSIGNED NOT NULL,
    version       INT UNSIGNED NOT NULL,
    part          INT UNSIGNED NOT NULL,
    content       MEDIUMBLOB   NOT NULL,
    PRIMARY KEY (deck_id, version, part),
    FOREIGN KEY (deck_id, version) REFERENCES deck_version (deck_id, version) ON DELETE CASCADE
);

CREATE TABLE product (
    product_id               INT UNSIGNED NOT NULL AUTO_INCREMENT,
    name                     VARCHAR(64)  NOT NULL,
    currency                 CHAR(3)      NOT NULL,
    deck_id                  INT UNSIGNED NOT NULL,
    deck_version             INT UNSIGNED NOT NULL DEFAULT 0,        -- a copy of the deck's, so that a call reads one row
    longest_call_s           INT UNSIGNED NOT NULL DEFAULT 14400,
    calls_at_once            SMALLINT UNSIGNED NOT NULL DEFAULT 1,
    warning_s                SMALLINT UNSIGNED NOT NULL DEFAULT 60,  -- so long before the limit, 0: no warning
    minimum_balance_micros   BIGINT       NOT NULL DEFAULT 0,        -- available balance needed to place a call
    valid_until_us           BIGINT       NOT NULL DEFAULT 0,        -- 0: without end
    valid_days               SMALLINT UNSIGNED NOT NULL DEFAULT 0,   -- after the first use, 0: without end
    maintenance_fee_micros   BIGINT       NOT NULL DEFAULT 0,        -- every maintenance_days after the first use
    maintenance_days         SMALLINT UNSIGNED NOT NULL DEFAULT 0,
    refillable               BOOLEAN      NOT NULL DEFAULT TRUE,     -- FALSE: one-time, exhausted when used up
    voucher                  BOOLEAN      NOT NULL DEFAULT FALSE,    -- only refills other cards, places no calls
    caller_ids_max           SMALLINT UNSIGNED NOT NULL DEFAULT 3,
    attestation              CHAR(1)      NOT NULL DEFAULT '',       -- least STIR/SHAKEN level for "no PIN", '': none
    calls_per_hour           SMALLINT UNSIGNED NOT NULL DEFAULT 0,
    spend_per_day_micros     BIGINT       NOT NULL DEFAULT 0,
    media_silence_s          SMALLINT UNSIGNED NOT NULL DEFAULT 30,
    PRIMARY KEY (product_id),
    UNIQUE KEY product_name (name),
    FOREIGN KEY (deck_id) REFERENCES deck (deck_id),
    CONSTRAINT product_currency_is_iso_4217 CHECK (currency REGEXP '^[A-Z]{3}$'),
    CONSTRAINT product_limits CHECK (minimum_balance_micros >= 0 AND maintenance_fee_micros >= 0 AND spend_per_day_micros >= 0),
    CONSTRAINT maintenance_needs_a_period CHECK (maintenance_fee_micros = 0 OR maintenance_days > 0),
    CONSTRAINT attestation_level CHECK (attestation IN ('', 'A', 'B', 'C'))
);

-- The languages a product offers, in order. The fee is charged once a call when the language is chosen.
CREATE TABLE product_language (
    product_id    INT UNSIGNED NOT NULL,
    position      TINYINT UNSIGNED NOT NULL,
    code          VARCHAR(8)   NOT NULL,
    fee_micros    BIGINT       NOT NULL DEFAULT 0,
    PRIMARY KEY (product_id, position),
    UNIQUE KEY product_language_code (product_id, code),
    FOREIGN KEY (product_id) REFERENCES product (product_id),
    CONSTRAINT language_fee CHECK (fee_micros >= 0)
);

-- Whom we buy from. Each has a deck of its own: what calls cost us.
CREATE TABLE carrier (
    carrier_id    INT UNSIGNED NOT NULL AUTO_INCREMENT,
    name          VARCHAR(64)  NOT NULL,
    deck_id       INT UNSIGNED NOT NULL,
    priority      SMALLINT UNSIGNED NOT NULL DEFAULT 100,   -- lower is tried first where priority orders
    weight        SMALLINT UNSIGNED NOT NULL DEFAULT 100,
    loss_allowed  BOOLEAN      NOT NULL DEFAULT FALSE,      -- TRUE: carries calls that cost more than they earn
    enabled       BOOLEAN      NOT NULL DEFAULT TRUE,
    PRIMARY KEY (carrier_id),
    UNIQUE KEY carrier_name (name),
    FOREIGN KEY (deck_id) REFERENCES deck (deck_id)
);

CREATE TABLE gateway (
    gateway_id    INT UNSIGNED NOT NULL AUTO_INCREMENT,
    carrier_id    INT UNSIGNED NOT NULL,
    uri           VARCHAR(255) NOT NULL,                    -- "sip:192.0.2.7:5060;transport=tcp"
    tech_prefix   VARCHAR(16)  NOT NULL DEFAULT '',
    priority      SMALLINT UNSIGNED NOT NULL DEFAULT 100,
    weight        SMALLINT UNSIGNED NOT NULL DEFAULT 100,
    enabled       BOOLEAN      NOT NULL DEFAULT TRUE,
    PRIMARY KEY (gateway_id),
    UNIQUE KEY gateway_uri (carrier_id, uri),
    FOREIGN KEY (carrier_id) REFERENCES carrier (carrier_id)
);

-- A carrier's trunk into the switch, known by its source address.
CREATE TABLE trunk (
    trunk_id      INT UNSIGNED NOT NULL AUTO_INCREMENT,
    name          VARCHAR(64)  NOT NULL,
    cidr          VARCHAR(43)  NOT NULL,
    ani_trusted   BOOLEAN      NOT NULL DEFAULT FALSE,      -- entitled to assert CallerIDs
    country       CHAR(2)      NOT NULL,
    PRIMARY KEY (trunk_id),
    UNIQUE KEY trunk_name (name),
    UNIQUE KEY trunk_cidr (cidr),
    CONSTRAINT trunk_country_is_iso_3166 CHECK (country REGEXP '^[A-Z]{2}$')
);

CREATE TABLE access_number (
    number            VARCHAR(15)  NOT NULL,
    name              VARCHAR(64)  NOT NULL,
    country           CHAR(2)      NOT NULL,
    languages         VARCHAR(64)  NOT NULL,                -- comma separated, offered before a card is known
    surcharge_micros  BIGINT       NOT NULL DEFAULT 0,      -- for every call placed through it
    PRIMARY KEY (number),
    CONSTRAINT access_number_is_e164 CHECK (number REGEXP '^[0-9]{3,15}$'),
    CONSTRAINT access_surcharge CHECK (surcharge_micros >= 0)
);

-- Where nobody may call to, whatever the deck says (premium ranges, IRSF).
CREATE TABLE blocked_prefix (
    prefix        VARCHAR(15)  NOT NULL,
    product_id    INT UNSIGNED NOT NULL DEFAULT 0,          -- 0: every product
    reason        VARCHAR(128) NOT NULL DEFAULT '',
    PRIMARY KEY (prefix, product_id),
    CONSTRAINT blocked_prefix_is_digits CHECK (prefix REGEXP '^[0-9]+$')
);
