-- What operators search and count by: serial ranges of batches, states of cards, parts of numbers, days and destinations.
-- depends: 0006-least-prices

-- A batch's serials follow each other, so its cards are found by their range.
ALTER TABLE batch ADD COLUMN first_serial BIGINT UNSIGNED NOT NULL DEFAULT 0 AFTER product_id;

UPDATE batch JOIN (SELECT batch_id, MIN(serial) AS first_serial FROM card GROUP BY batch_id) AS cards USING (batch_id)
SET batch.first_serial = cards.first_serial;

ALTER TABLE batch ALTER COLUMN first_serial DROP DEFAULT, ADD KEY batch_first_serial (first_serial);

-- No call changes a state or a serial, so this index costs calls nothing.
ALTER TABLE card ADD KEY card_state (state, serial);

-- A number is searched by its ending as the beginning of its digits backwards.
ALTER TABLE caller_id
    ADD COLUMN ani_reversed VARCHAR(15) AS (REVERSE(ani)) PERSISTENT,
    ADD KEY caller_id_ending (ani_reversed);

-- Call records are never changed, so the digits backwards are in the index only. Every index here costs the keeper a
-- little for each call: the number called has two, the CallerID one.
ALTER TABLE cdr
    ADD COLUMN dnis_reversed VARCHAR(15) AS (REVERSE(dnis)) VIRTUAL,
    ADD COLUMN ani_reversed VARCHAR(15) AS (REVERSE(ani)) VIRTUAL,
    ADD KEY cdr_dnis (dnis, placed_us),
    ADD KEY cdr_dnis_ending (dnis_reversed, placed_us),
    ADD KEY cdr_ani_ending (ani_reversed, placed_us);

-- Sums of the call records, added to in the transactions that write them: charts need not read ten million of them.
-- The node is part of the key so that two nodes' keepers never wait for each other.
CREATE TABLE call_day (
    day             INT UNSIGNED NOT NULL,                  -- since the epoch, UTC, of the call's placing
    destination     VARCHAR(64)  NOT NULL,                  -- '': all of them together
    currency        CHAR(3)      NOT NULL,
    node            VARCHAR(64)  NOT NULL,
    calls           INT UNSIGNED NOT NULL,
    answered        INT UNSIGNED NOT NULL,
    seconds         BIGINT UNSIGNED NOT NULL,
    billable_s      BIGINT UNSIGNED NOT NULL,
    charge_micros   BIGINT       NOT NULL,
    costed_micros   BIGINT       NOT NULL,                  -- the charge of those calls whose cost counts
    cost_micros     BIGINT       NOT NULL,                  -- of calls that were bought in the currency they were sold in
    PRIMARY KEY (day, destination, currency, node)
);

INSERT INTO call_day
SELECT
    placed_us DIV 86400000000, IF(totals.yes, '', destination), product.currency, node, COUNT(*), COUNT(answered_us),
    SUM(seconds), SUM(billable_s), SUM(charge_micros),
    SUM(IF(deck.currency = product.currency AND cost_micros IS NOT NULL, charge_micros, 0)),
    SUM(IF(deck.currency = product.currency, COALESCE(cost_micros, 0), 0))
FROM cdr JOIN product USING (product_id) LEFT JOIN carrier USING (carrier_id)
LEFT JOIN deck ON deck.deck_id = carrier.deck_id
JOIN (SELECT FALSE AS yes UNION ALL SELECT TRUE) AS totals
GROUP BY 1, 2, 3, 4;
