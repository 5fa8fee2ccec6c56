-- What the cheapest call of a deck costs at least that costs anything: a one-time card with less than that is used up.
-- Found when the deck is imported; 1 micro-unit for decks of before.
-- depends: 0005-tally-labels

ALTER TABLE deck ADD COLUMN least_micros BIGINT NOT NULL DEFAULT 1, ADD CONSTRAINT least_is_something CHECK (least_micros > 0);
