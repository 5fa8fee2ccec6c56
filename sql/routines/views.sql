-- The reading interface: people, reports and the console read these, never the tables.
CREATE OR REPLACE VIEW card_balance AS
SELECT
    card_id, LPAD(serial, 12, '0') AS serial, product.name AS product, currency, state, posted_micros, held_micros,
    posted_micros - held_micros AS available_micros, open_holds, batch_id, expires_us, language, last_dnis
FROM card JOIN product USING (product_id);

CREATE OR REPLACE VIEW call_record AS
SELECT
    LOWER(HEX(call_id)) AS call_id, LOWER(HEX(hold_id)) AS hold_id, cdr.card_id, LPAD(serial, 12, '0') AS serial,
    product.name AS product, product.currency, outcome, ani, dnis, prefix, destination, trunk, access_number, cdr.attestation,
    node, rate, COALESCE(carrier.name, '') AS carrier, gateway_id, pdd_ms, placed_us, answered_us, ended_us, seconds,
    billable_s, charge_micros, cost_micros, deck.currency AS cost_currency,
    -- A margin is only known where we buy and sell in the same currency.
    IF(deck.currency = product.currency, charge_micros - cost_micros, NULL) AS margin_micros, cause, sip_status, ended_by
FROM cdr
LEFT JOIN card USING (card_id)
LEFT JOIN product ON product.product_id = cdr.product_id
LEFT JOIN carrier USING (carrier_id)
LEFT JOIN deck ON deck.deck_id = carrier.deck_id;

-- Calls that are held or connected now.
CREATE OR REPLACE VIEW open_call AS
SELECT
    LOWER(HEX(hold_id)) AS hold_id, LOWER(HEX(call_id)) AS call_id, hold.card_id, product.currency, hold.held_micros, limit_s,
    hold.warning_s, hold.language, dnis, ani, destination, trunk, node, placed_us, answered_us, answer_mono_us, boot, sip_call_id,
    from_tag, to_tag, dialog, carrier_id, gateway_id, last_seen_us
FROM hold JOIN product USING (product_id)
WHERE state = 'held';

-- Cards whose books do not agree: empty, always.
CREATE OR REPLACE VIEW ledger_problem AS
SELECT card.card_id, posted_micros, entries_micros, card.held_micros, holds_micros, open_holds, holds
FROM card
LEFT JOIN (SELECT card_id, SUM(amount_micros) AS entries_micros FROM entry GROUP BY card_id) AS entries USING (card_id)
LEFT JOIN (
    SELECT card_id, SUM(held_micros) AS holds_micros, COUNT(*) AS holds FROM hold WHERE state = 'held' GROUP BY card_id
) AS open_holds_of USING (card_id)
WHERE posted_micros <> COALESCE(entries_micros, 0) OR card.held_micros <> COALESCE(holds_micros, 0)
    OR open_holds <> COALESCE(holds, 0);

-- issued + refilled - charged - fees = posted, per currency.
CREATE OR REPLACE VIEW ledger_total AS
SELECT
    currency,
    SUM(IF(kind = 'issue', amount, 0)) AS issued_micros,
    SUM(IF(kind IN ('refill', 'transfer', 'adjustment'), amount, 0)) AS refilled_micros,
    -SUM(IF(kind = 'charge', amount, 0)) AS charged_micros,
    -SUM(IF(kind = 'fee', amount, 0)) AS fees_micros,
    SUM(IF(kind = 'posted', amount, 0)) AS posted_micros,
    SUM(IF(kind = 'held', amount, 0)) AS held_micros
FROM (
    SELECT currency, kind, SUM(amount_micros) AS amount
    FROM entry JOIN card USING (card_id) JOIN product USING (product_id) GROUP BY currency, kind
    UNION ALL
    SELECT currency, 'posted', SUM(posted_micros) FROM card JOIN product USING (product_id) GROUP BY currency
    UNION ALL
    SELECT currency, 'held', SUM(held_micros) FROM card JOIN product USING (product_id) GROUP BY currency
) AS sums
GROUP BY currency;
