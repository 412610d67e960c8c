-- For DATABASE_ENGINE citus, in place of db/postgresql: spreads the tables over the nodes by organization, and isolates
-- organizations with policies that every node can check on its own. Run on the coordinator. On a PostgreSQL without the
-- extension it does everything but the spreading, so that tests can run this configuration there.
--
--   app.organization_id  the one organization whose rows a transaction sees and writes
--   app.purpose          'maintenance': which organizations have work waiting, figures for metrics, and retention
--
-- Both are set by quota.set_scope, in a SET LOCAL that the coordinator passes on to the nodes of the transaction.

-- Schema changes that build on one another go over one connection to each node.
SET LOCAL citus.multi_shard_modify_mode = 'sequential';
-- Triggers run on the shards, where the one trigger function there is refuses everything, whatever it sees.
SET LOCAL citus.enable_unsafe_triggers = on;

-- What cannot be there while a table is being distributed. All tables are empty: version 1 came just before.
DROP TRIGGER immutable_rows ON quota.quota_audit_logs;
DROP TRIGGER immutable_table ON quota.quota_audit_logs;
ALTER TABLE quota.quota_grants DROP CONSTRAINT quota_grants_organization_id_quota_id_fkey;

DO $$
DECLARE
    t text;
BEGIN
    FOR t IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = 'quota.nonces'::regclass LOOP
        EXECUTE format('DROP TABLE quota.%I', t);
    END LOOP;
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
        -- Each node checks the policies for the role itself, so it must be able to log in from node to node.
        BEGIN
            ALTER ROLE quota_app LOGIN;
        EXCEPTION
            WHEN insufficient_privilege THEN NULL; -- then the administrator has made it so
        END;
        PERFORM create_distributed_table('quota.quotas', 'organization_id', colocate_with => 'none');
        FOREACH t IN ARRAY ARRAY['quota_usage', 'quota_holdings', 'quota_grants', 'operations', 'nonces', 'outbox',
            'chain_heads', 'quota_audit_logs', 'auth_outbox', 'auth_resources', 'auth_grants'] LOOP
            PERFORM create_distributed_table(format('quota.%I', t)::regclass, 'organization_id',
                colocate_with => 'quota.quotas');
        END LOOP;
    END IF;
END
$$;

ALTER TABLE quota.quota_grants ADD CONSTRAINT quota_grants_organization_id_quota_id_fkey
    FOREIGN KEY (organization_id, quota_id) REFERENCES quota.quotas (organization_id, id);
CREATE TRIGGER immutable_rows BEFORE UPDATE OR DELETE ON quota.quota_audit_logs
    FOR EACH ROW EXECUTE FUNCTION quota.refuse_change();
CREATE TRIGGER immutable_table BEFORE TRUNCATE ON quota.quota_audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION quota.refuse_change();
ALTER TABLE quota.quota_audit_logs ENABLE ALWAYS TRIGGER immutable_rows;
ALTER TABLE quota.quota_audit_logs ENABLE ALWAYS TRIGGER immutable_table;

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['quotas', 'quota_usage', 'quota_holdings', 'quota_grants', 'operations', 'nonces', 'outbox',
        'chain_heads', 'quota_audit_logs', 'auth_outbox', 'auth_resources', 'auth_grants'] LOOP
        EXECUTE format('ALTER TABLE quota.%I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE quota.%I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own_organization ON quota.%I '
            'USING (organization_id = current_setting(''app.organization_id'', true))', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['chain_heads', 'quotas', 'outbox', 'auth_outbox', 'operations'] LOOP
        EXECUTE format('CREATE POLICY maintenance_reads ON quota.%I FOR SELECT '
            'USING (current_setting(''app.purpose'', true) = ''maintenance'')', t);
    END LOOP;
END
$$;
CREATE POLICY maintenance_deletes ON quota.operations FOR DELETE
    USING (current_setting('app.purpose', true) = 'maintenance' AND created_at < now() - interval '24 hours');

CREATE FUNCTION quota.set_scope(setting text, value text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF setting NOT IN ('app.organization_id', 'app.purpose') THEN
        RAISE EXCEPTION 'no such scope: %', setting USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format('SET LOCAL %s = %L', setting, value);
END
$$;
REVOKE ALL ON FUNCTION quota.set_scope(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION quota.set_scope(text, text) TO quota_app;

-- As on PostgreSQL, but with few partitions ahead: making one takes a good part of a second on all nodes.
CREATE OR REPLACE FUNCTION quota.roll_nonce_partitions(now_ms bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET lock_timeout = '2s' AS $$
DECLARE
    hour_ms CONSTANT bigint := 3600000;
    this_hour CONSTANT bigint := now_ms / hour_ms;
    h bigint;
    partition_name text;
BEGIN
    -- One at a time; a node that comes second finds everything there.
    PERFORM pg_advisory_xact_lock(7163540918273645);
    PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
    FOR h IN this_hour - 1 .. this_hour + 2 LOOP
        partition_name := format('nonces_%s', h);
        IF to_regclass('quota.' || partition_name) IS NULL THEN
            EXECUTE format('CREATE TABLE quota.%I PARTITION OF quota.nonces FOR VALUES FROM (%s) TO (%s)',
                partition_name, h * hour_ms, (h + 1) * hour_ms);
            EXECUTE format('ALTER TABLE quota.%I ENABLE ROW LEVEL SECURITY', partition_name);
            EXECUTE format('ALTER TABLE quota.%I FORCE ROW LEVEL SECURITY', partition_name);
        END IF;
    END LOOP;
    -- A timestamp is valid for 5 minutes after itself; an hour more costs nothing and forgives clocks.
    FOR partition_name IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'quota.nonces'::regclass
          AND CASE WHEN c.relname ~ '^nonces_[0-9]+$' THEN substr(c.relname, 8)::bigint < this_hour - 1 END
    LOOP
        EXECUTE format('DROP TABLE quota.%I', partition_name);
    END LOOP;
END
$$;
SELECT quota.roll_nonce_partitions((extract(epoch FROM now()) * 1000)::bigint);

COMMENT ON TABLE quota.quotas IS 'schema version 2 for Citus';
