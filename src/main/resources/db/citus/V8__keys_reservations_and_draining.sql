-- A quota's key among its siblings, what reservations hold of it, and the total that it drains to. The table is small; the
-- added columns have constant defaults, so its rows are not written anew.
ALTER TABLE quota.quotas ADD COLUMN key text COLLATE "C";
ALTER TABLE quota.quotas ADD COLUMN reserved_mb bigint NOT NULL DEFAULT 0;
ALTER TABLE quota.quotas ADD COLUMN drain_to_mb bigint;

ALTER TABLE quota.quotas DROP CONSTRAINT never_over_allocated;
ALTER TABLE quota.quotas ADD CONSTRAINT never_over_allocated CHECK (used_mb >= 0 AND allocated_mb >= 0 AND reserved_mb >= 0
    AND used_mb + allocated_mb + reserved_mb <= total_mb);
ALTER TABLE quota.quotas ADD CONSTRAINT well_formed_key CHECK (key ~ '^[a-z0-9-]{1,63}$');
ALTER TABLE quota.quotas ADD CONSTRAINT drains_to_less CHECK (drain_to_mb >= 1 AND drain_to_mb < total_mb);

-- Keys are unique among the living children of one parent, and among the living roots of one organization. Operations
-- decide that from the rows; the indexes find the rows, and stop two operations that decide at the same time.
CREATE UNIQUE INDEX quotas_child_key ON quota.quotas (organization_id, parent_quota_id, key)
    WHERE key IS NOT NULL AND status <> 'deleted';
CREATE UNIQUE INDEX quotas_root_key ON quota.quotas (organization_id, key)
    WHERE key IS NOT NULL AND parent_quota_id IS NULL AND status <> 'deleted';
-- The quotas that give capacity back, of all organizations. Without their figures: an index over those would make every
-- usage operation write to it.
CREATE INDEX quotas_draining ON quota.quotas (organization_id, id) WHERE drain_to_mb IS NOT NULL AND status <> 'deleted';

COMMENT ON TABLE quota.quotas IS 'schema version 8 for Citus';
