\set quota 1
\set resource random(1, 1000)
BEGIN;
SELECT organization_id, total_mb, used_mb, allocated_mb FROM peer.quotas WHERE id = :quota FOR UPDATE;
UPDATE peer.quotas SET used_mb = used_mb + 1, version = version + 1 WHERE id = :quota;
INSERT INTO peer.usage VALUES (gen_random_uuid(), 'org_1', :quota, 'runtime_' || :resource, 1, 'user_1', now());
INSERT INTO peer.audit VALUES (gen_random_uuid(), 'org_1', :quota, 'usage.allocate', 'user_1', json_build_object('resource_id', 'runtime_' || :resource, 'usage_mb', 1), now());
COMMIT;
