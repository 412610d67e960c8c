-- Until when a user holds what was granted; null: until it is revoked. What has expired stays in the row until the next grant or
-- revocation, and counts for nothing. The table is small, and columns without a default are added without writing its rows.
ALTER TABLE quota.quota_grants ADD COLUMN read_expires_at timestamptz;
ALTER TABLE quota.quota_grants ADD COLUMN admin_expires_at timestamptz;

COMMENT ON TABLE quota.quotas IS 'schema version 17';
