-- The ledger as rows, with what reconciling has adjusted, in either direction: every change of what a resource holds, from the moment it is committed.
CREATE OR REPLACE VIEW quota.quota_usage WITH (security_invoker = true) AS
SELECT organization_id, quota_id, quota_version, usage_id, resource_id, operation, usage_mb, user_id, service_id, reason,
    used_mb, held_mb, created_at, transfer_id, CASE operation WHEN 'allocate' THEN usage_mb ELSE -usage_mb END AS difference_mb
FROM quota.quota_usage_v9
UNION ALL
SELECT j.organization_id, c.change ->> 'quota_id', (c.change ->> 'version')::bigint, (e.entry ->> 0)::uuid,
    coalesce(c.change ->> 'resource_id', e.entry -> 11 ->> 'resource_id'),
    CASE WHEN e.entry ->> 4 = 'usage.reconcile' THEN 'adjust' WHEN c.difference_mb > 0 THEN 'allocate' ELSE 'deallocate' END,
    abs(c.difference_mb),
    e.entry ->> 6, e.entry ->> 7, e.entry -> 11 ->> 'reason', (c.change -> 'after' ->> 'used_mb')::bigint,
    (c.change -> 'after' ->> 'held_mb')::bigint,
    timestamptz 'epoch' + (e.entry ->> 10)::bigint * interval '1 microsecond',
    CASE WHEN e.entry ->> 4 = 'usage.transfer' THEN coalesce(e.entry ->> 12, e.entry ->> 0)::uuid END,
    c.difference_mb
FROM quota.journal j
CROSS JOIN LATERAL json_array_elements(j.entries::json) AS e (entry)
CROSS JOIN LATERAL (
    SELECT x.change,
        (x.change -> 'after' ->> 'held_mb')::bigint - (x.change -> 'before' ->> 'held_mb')::bigint AS difference_mb
    FROM json_array_elements(e.entry -> 11 -> 'changes') AS x (change)) AS c
WHERE j.position > 0 AND c.difference_mb <> 0;

COMMENT ON TABLE quota.quotas IS 'schema version 13 for Citus';
