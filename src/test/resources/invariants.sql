-- placeholder until the invariants move here
SELECT id FROM quota.quotas WHERE used_mb < 0 OR allocated_mb < 0 OR used_mb + allocated_mb > total_mb;
