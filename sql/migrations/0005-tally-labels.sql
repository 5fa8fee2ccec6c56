-- Counters by product, currency, destination group, carrier: labels of several parts ("3|USD|GB").
-- depends: 0002-cards-and-ledger

ALTER TABLE tally MODIFY label VARCHAR(64) NOT NULL;
