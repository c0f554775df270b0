-- Deliveries are written three times: filed, leased, marked. Pages that are filled by half leave room for the lease of
-- a whole batch, which then renews no index.
CREATE OR REPLACE FUNCTION make_partitions(first date, months integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    month date;
BEGIN
    FOREACH parent IN ARRAY ARRAY['entries', 'transactions', 'outbox', 'deliveries'] LOOP
        FOR month IN SELECT (date_trunc('month', first) + n * interval '1 month')::date FROM generate_series(0, months - 1) n LOOP
            EXECUTE format(
                'CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = %s)',
                parent || to_char(month, '_YYYY_MM'), parent,
                uuid_floor(month::timestamp AT TIME ZONE 'UTC'),
                uuid_floor((month + interval '1 month') AT TIME ZONE 'UTC'),
                CASE parent WHEN 'deliveries' THEN 50 ELSE 100 END);
        END LOOP;
    END LOOP;
END $$;

DO $$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'deliveries'::regclass LOOP
        EXECUTE format('ALTER TABLE %s SET (fillfactor = 50)', partition);
    END LOOP;
END $$;

-- What is counted of those that are over is how many will never be sent; the others need no entry that changes twice.
DROP INDEX deliveries_age;
CREATE INDEX deliveries_dead ON deliveries (id) WHERE status = 'dead';

-- Only updates of passes are looked for by where they go.
DROP INDEX deliveries_target;
CREATE INDEX deliveries_target ON deliveries (channel, target) WHERE status = 'waiting' AND channel IN ('apple', 'google');
