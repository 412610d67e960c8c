-- What happened to a quota's usage in one minute: added up while its entries are sealed. What is not sealed yet is not in it.
CREATE TABLE quota.usage_minutes (
    organization_id text COLLATE "C" NOT NULL,
    quota_id        text COLLATE "C" NOT NULL,
    minute          bigint NOT NULL, -- since 1970
    used_mb_min     bigint, -- these three are null when all entries are refusals
    used_mb_max     bigint,
    used_mb_end     bigint,
    allocated_mb    bigint NOT NULL,
    deallocated_mb  bigint NOT NULL,
    refused         bigint NOT NULL,
    entries         bigint NOT NULL,
    first_seal      bigint NOT NULL, -- the entries are in the seals from this last_seq to that one
    last_seal       bigint NOT NULL,
    PRIMARY KEY (organization_id, quota_id, minute)
-- Under load a row is written several times in its minute.
) WITH (fillfactor = 70);

SET LOCAL citus.multi_shard_modify_mode = 'sequential';
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
        PERFORM create_distributed_table('quota.usage_minutes', 'organization_id', colocate_with => 'quota.quotas');
    END IF;
END
$$;
ALTER TABLE quota.usage_minutes ENABLE ROW LEVEL SECURITY;
ALTER TABLE quota.usage_minutes FORCE ROW LEVEL SECURITY;
CREATE POLICY own_organization ON quota.usage_minutes
    USING (organization_id = current_setting('app.organization_id', true));
GRANT SELECT, INSERT, UPDATE ON quota.usage_minutes TO quota_app;

COMMENT ON TABLE quota.quotas IS 'schema version 16 for Citus';
