-- Who granted what a user holds, and when: the last grant that added something. Null for what was granted before. The table is
-- small, and columns without a default are added without writing its rows.
ALTER TABLE quota.quota_grants ADD COLUMN granted_by text;
ALTER TABLE quota.quota_grants ADD COLUMN granted_at timestamptz;

COMMENT ON TABLE quota.quotas IS 'schema version 11';
