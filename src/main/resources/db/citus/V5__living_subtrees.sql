-- Suspending, resuming, changing owners and the limit on a tree's size look at living quotas only. The index of their paths
-- leaves released ones out, or these operations would become slower with everything that a tree has ever held.
CREATE INDEX quotas_living_path ON quota.quotas (organization_id, path) WHERE status <> 'deleted';
DROP INDEX quota.quotas_path;

COMMENT ON TABLE quota.quotas IS 'schema version 5 for Citus';
