-- What a quota was, whenever something other than its usage changed: name, size, state, place. Written in the same transaction, only
-- ever inserted. What was used and reserved at another moment is in the journal.
CREATE TABLE quota.quota_states (
    organization_id text COLLATE "C" NOT NULL,
    quota_id        text COLLATE "C" NOT NULL,
    changed_at      timestamptz NOT NULL,
    version         bigint NOT NULL,
    parent_quota_id text COLLATE "C",
    owner_id        text COLLATE "C" NOT NULL,
    name            text NOT NULL,
    description     text,
    key             text,
    status          text NOT NULL,
    total_mb        bigint NOT NULL,
    used_mb         bigint NOT NULL,
    reserved_mb     bigint NOT NULL,
    allocated_mb    bigint NOT NULL,
    drain_to_mb     bigint,
    PRIMARY KEY (organization_id, quota_id, changed_at, version)
);

SET LOCAL citus.multi_shard_modify_mode = 'sequential';
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
        PERFORM create_distributed_table('quota.quota_states', 'organization_id', colocate_with => 'quota.quotas');
    END IF;
END
$$;

-- The time of the newest change of the quota among the entries; null when all of them are refusals, and of older rows.
ALTER TABLE quota.seal_quotas ADD COLUMN changed_at timestamptz;

-- Where the states of today's quotas begin. Nobody may change a quota meanwhile.
LOCK TABLE quota.quotas IN SHARE MODE;
ALTER TABLE quota.quotas NO FORCE ROW LEVEL SECURITY;
INSERT INTO quota.quota_states (organization_id, quota_id, changed_at, version, parent_quota_id, owner_id, name, description, key,
    status, total_mb, used_mb, reserved_mb, allocated_mb, drain_to_mb)
SELECT organization_id, id, greatest(updated_at, now()), version, parent_quota_id, owner_id, name, description, key, status,
    total_mb, used_mb, reserved_mb, allocated_mb, drain_to_mb
FROM quota.quotas;
ALTER TABLE quota.quotas FORCE ROW LEVEL SECURITY;

ALTER TABLE quota.quota_states ENABLE ROW LEVEL SECURITY;
ALTER TABLE quota.quota_states FORCE ROW LEVEL SECURITY;
CREATE POLICY own_organization ON quota.quota_states
    USING (organization_id = current_setting('app.organization_id', true));

CREATE TRIGGER immutable_rows BEFORE UPDATE OR DELETE ON quota.quota_states
    FOR EACH ROW EXECUTE FUNCTION quota.refuse_change();
CREATE TRIGGER immutable_table BEFORE TRUNCATE ON quota.quota_states
    FOR EACH STATEMENT EXECUTE FUNCTION quota.refuse_change();
ALTER TABLE quota.quota_states ENABLE ALWAYS TRIGGER immutable_rows;
ALTER TABLE quota.quota_states ENABLE ALWAYS TRIGGER immutable_table;
GRANT SELECT, INSERT ON quota.quota_states TO quota_app;

COMMENT ON TABLE quota.quotas IS 'schema version 15 for Citus';
