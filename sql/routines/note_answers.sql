-- Answer events, as a JSON list: the calls run. A second answer of a call, or one that comes after its end, changes nothing.
CREATE OR REPLACE PROCEDURE note_answers(IN p_answers LONGTEXT)
MODIFIES SQL DATA
BEGIN
    UPDATE hold JOIN JSON_TABLE(p_answers, '$[*]' COLUMNS (
        id CHAR(32) PATH '$.id',
        answered_us BIGINT PATH '$.answered_us',
        answer_mono_us BIGINT PATH '$.answer_mono_us',
        boot VARCHAR(8) PATH '$.boot',
        sip_call_id VARCHAR(255) PATH '$.sip_call_id',
        from_tag VARCHAR(128) PATH '$.from_tag',
        to_tag VARCHAR(128) PATH '$.to_tag',
        dialog VARCHAR(32) PATH '$.dialog',
        carrier_id INT PATH '$.carrier_id',
        gateway_id INT PATH '$.gateway_id',
        pdd_ms INT PATH '$.pdd_ms',
        node VARCHAR(64) PATH '$.node'
    )) AS answer ON hold.hold_id = UNHEX(answer.id)
    SET
        hold.answered_us = answer.answered_us, hold.answer_mono_us = answer.answer_mono_us, hold.boot = answer.boot,
        hold.sip_call_id = answer.sip_call_id, hold.from_tag = answer.from_tag, hold.to_tag = answer.to_tag,
        hold.dialog = answer.dialog, hold.carrier_id = answer.carrier_id, hold.gateway_id = answer.gateway_id,
        hold.pdd_ms = answer.pdd_ms, hold.node = answer.node
    WHERE hold.answered_us IS NULL AND hold.state = 'held';
END
