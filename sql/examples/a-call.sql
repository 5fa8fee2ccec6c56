-- One call from hold to charge, by the routines that the rating core calls. Times are fixed: 2026-11-22 12:00 UTC.

INSERT INTO deck (name, currency, version) VALUES ('retail', 'USD', 1);

INSERT INTO product (name, currency, deck_id, deck_version) SELECT 'World', 'USD', deck_id, 1 FROM deck;

INSERT INTO product_language VALUES (1, 0, 'en', 0), (1, 1, 'es', 250000);

-- A card of 5.00. The PIN's hash is made by rating/pins.py; here it is a word.
INSERT INTO batch (product_id, first_serial, cards, face_value_micros, pin_length, issued_us) VALUES (1, 100001, 1, 5000000, 12, 1795348800000000);

INSERT INTO card (product_id, batch_id, state, posted_micros, serial, pin_hash) VALUES (1, 1, 'active', 5000000, 100001, 'hash of a PIN');

INSERT INTO entry (card_id, kind, amount_micros, reference, at_us) VALUES (1, 'issue', 5000000, 'batch 1', 1795348800000000);

-- What is the longest call that 5.00 pays for at 0.12 a minute, 60/60, with a connect fee of 0.10?
CALL affordable('100000,0,0,60;0,120000,60', 5000000, 14400, @limit_s, @cost);

SELECT @limit_s AS limit_s, @cost AS cost_micros;

-- Hold it. The card's row is locked first, the rating core decides in between (rating/authorising.py), and one packet
-- writes hold and card and commits.
SELECT posted_micros, held_micros, open_holds, state FROM card WHERE card_id = 1 FOR UPDATE;

INSERT INTO hold (hold_id, call_id, card_id, held_micros, limit_s, product_id, rate, prefix, destination, dnis, ani, trunk, warning_s, node, placed_us)
VALUES (UNHEX('0000000000000000000000000000000a'), UNHEX('0000000000000000000000000000000c'), 1, 4900000, 2400, 1, '100000,0,0,60;0,120000,60', '44', 'United Kingdom', '442071234567', '14155550123', 'trunk-1', 60, 'edge1', 1795348800000000);

UPDATE card SET held_micros = 4900000, open_holds = 1, last_dnis = 442071234567, first_used_us = 1795348800000000 WHERE card_id = 1;

SELECT serial, posted_micros, held_micros, available_micros, open_holds FROM card_balance;

-- Whatever the code does, no card holds more than it has.
UPDATE card SET held_micros = 5000001 WHERE card_id = 1;

-- The call lasted 61 seconds: two minutes and the connect fee are charged, the rest is released.
CALL settle_hold(UNHEX('0000000000000000000000000000000a'), 340000, 120, 61, 1795348861000000);

-- Settling it again, or voiding it, changes nothing.
CALL settle_hold(UNHEX('0000000000000000000000000000000a'), NULL, NULL, NULL, 1795348999000000);

SELECT kind, amount_micros, reference FROM entry ORDER BY entry_id;

SELECT dnis, destination, seconds, billable_s, charge_micros, outcome FROM call_record;

-- An entry is never changed.
UPDATE entry SET amount_micros = 0;

-- And nothing can hold more than there is.
UPDATE card SET held_micros = 5000000, open_holds = 1;

SELECT * FROM ledger_total;

SELECT COUNT(*) AS problems FROM ledger_problem;
