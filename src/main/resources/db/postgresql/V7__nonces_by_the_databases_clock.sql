-- The clock of the database decides which hours of nonces are kept. A node whose own clock was hours ahead dropped nonces of
-- credentials that were still valid, and these were accepted once more.
CREATE FUNCTION quota.roll_nonce_partitions() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET lock_timeout = '2s' AS $$
DECLARE
    hour_ms CONSTANT bigint := 3600000;
    this_hour CONSTANT bigint := floor(extract(epoch FROM clock_timestamp()) / 3600);
    oldest bigint;
    h bigint;
    partition_name text;
BEGIN
    -- One at a time; a node that comes second finds everything there.
    PERFORM pg_advisory_xact_lock(7163540918273645);
    -- CASE: a planner that looks at every relation before joining must not take their names for numbers.
    SELECT min(CASE WHEN c.relname ~ '^nonces_[0-9]+$' THEN substr(c.relname, 8)::bigint END) INTO oldest
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'quota.nonces'::regclass;
    -- Never from before the oldest: the nonces of that hour were dropped, because this clock was ahead once. Nobody knows
    -- which of its credentials were used, so all of them are refused.
    FOR h IN greatest(this_hour - 1, oldest) .. this_hour + 24 LOOP
        partition_name := format('nonces_%s', h);
        IF to_regclass('quota.' || partition_name) IS NULL THEN
            EXECUTE format('CREATE TABLE quota.%I PARTITION OF quota.nonces FOR VALUES FROM (%s) TO (%s)',
                partition_name, h * hour_ms, (h + 1) * hour_ms);
            EXECUTE format('ALTER TABLE quota.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', partition_name);
        END IF;
    END LOOP;
    -- A timestamp is valid for 5 minutes after itself. One more hour allows for nodes whose clocks are behind.
    FOR partition_name IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'quota.nonces'::regclass
          AND CASE WHEN c.relname ~ '^nonces_[0-9]+$' THEN substr(c.relname, 8)::bigint < this_hour - 1 END
    LOOP
        EXECUTE format('DROP TABLE quota.%I', partition_name);
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION quota.roll_nonce_partitions() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION quota.roll_nonce_partitions() TO quota_app;

-- Nodes of the release before call this one during an upgrade; the clock that they pass is ignored.
CREATE OR REPLACE FUNCTION quota.roll_nonce_partitions(now_ms bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS 'SELECT quota.roll_nonce_partitions()';

COMMENT ON TABLE quota.quotas IS 'schema version 7';
