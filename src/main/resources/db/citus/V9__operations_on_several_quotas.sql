-- How the hash covers an audit entry: what there is was sealed in format 1.
ALTER TABLE quota.quota_audit_logs ADD COLUMN format smallint NOT NULL DEFAULT 1;
-- The same in all entries of one operation; null: the entry's own id, as most operations have one entry.
ALTER TABLE quota.quota_audit_logs ADD COLUMN operation_id uuid;
-- The same in the two entries of a transfer, else null.
ALTER TABLE quota.quota_usage ADD COLUMN transfer_id uuid;

COMMENT ON TABLE quota.quotas IS 'schema version 9 for Citus';
