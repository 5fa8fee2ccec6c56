-- Speed-dial: a card holder dials "5#" instead of the number.
-- depends: 0003-call-records

CREATE TABLE speed_dial (
    card_id        BIGINT UNSIGNED NOT NULL,
    slot           TINYINT UNSIGNED NOT NULL,               -- the key
    dnis           VARCHAR(15)  NOT NULL,
    PRIMARY KEY (card_id, slot),
    CONSTRAINT speed_dial_is_a_key CHECK (slot BETWEEN 1 AND 9),
    CONSTRAINT speed_dial_is_e164 CHECK (dnis REGEXP '^[0-9]{3,15}$')
);
