-- Requests for larger quotas. A row is decided once and kept.
CREATE TABLE quota.increases (
    organization_id text COLLATE "C" NOT NULL,
    increase_id     text COLLATE "C" NOT NULL,
    quota_id        text COLLATE "C" NOT NULL,
    total_mb        bigint NOT NULL CHECK (total_mb >= 1),
    total_mb_before bigint NOT NULL CHECK (total_mb_before >= 1),
    reason          text NOT NULL,
    status          text NOT NULL CHECK (status IN ('pending', 'approved', 'rejected', 'withdrawn')),
    requested_by    text NOT NULL,
    created_at      timestamptz NOT NULL,
    decided_by      text,
    decided_at      timestamptz,
    decision_reason text,
    PRIMARY KEY (organization_id, increase_id),
    CONSTRAINT asks_for_more CHECK (total_mb > total_mb_before),
    CONSTRAINT decided_when_not_pending
        CHECK ((status = 'pending') = (decided_by IS NULL) AND (status = 'pending') = (decided_at IS NULL))
);
-- For metrics.
CREATE INDEX increases_pending ON quota.increases (organization_id, quota_id) WHERE status = 'pending';

SET LOCAL citus.multi_shard_modify_mode = 'sequential';
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
        PERFORM create_distributed_table('quota.increases', 'organization_id', colocate_with => 'quota.quotas');
    END IF;
END
$$;
ALTER TABLE quota.increases ENABLE ROW LEVEL SECURITY;
ALTER TABLE quota.increases FORCE ROW LEVEL SECURITY;
CREATE POLICY own_organization ON quota.increases
    USING (organization_id = current_setting('app.organization_id', true));
CREATE POLICY maintenance_reads ON quota.increases FOR SELECT
    USING (current_setting('app.purpose', true) = 'maintenance');
GRANT SELECT, INSERT, UPDATE ON quota.increases TO quota_app;

COMMENT ON TABLE quota.quotas IS 'schema version 14 for Citus';
