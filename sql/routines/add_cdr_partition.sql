-- Makes a partition for the call records before p_until_us, named like p202611. Records already in pfuture move.
CREATE OR REPLACE PROCEDURE add_cdr_partition(IN p_name VARCHAR(16), IN p_until_us BIGINT)
MODIFIES SQL DATA
BEGIN
    IF p_name REGEXP '^p[0-9]{6}$' AND NOT EXISTS (
        SELECT 1 FROM information_schema.partitions
        WHERE table_schema = DATABASE() AND table_name = 'cdr' AND partition_name = p_name
    ) THEN
        EXECUTE IMMEDIATE CONCAT(
            'ALTER TABLE cdr REORGANIZE PARTITION pfuture INTO (PARTITION ', p_name, ' VALUES LESS THAN (', p_until_us,
            '), PARTITION pfuture VALUES LESS THAN MAXVALUE)'
        );
    END IF;
END
