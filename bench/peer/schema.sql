-- What one transaction for each request needs, at its leanest: no policies, no idempotency, no nonces, no hash chain.
CREATE SCHEMA peer;
CREATE TABLE peer.quotas (
    id              bigint PRIMARY KEY,
    organization_id text NOT NULL,
    total_mb        bigint NOT NULL,
    used_mb         bigint NOT NULL DEFAULT 0,
    allocated_mb    bigint NOT NULL DEFAULT 0,
    version         bigint NOT NULL DEFAULT 1,
    CHECK (used_mb >= 0 AND allocated_mb >= 0 AND used_mb + allocated_mb <= total_mb)
) WITH (fillfactor = 50);
CREATE TABLE peer.usage (
    usage_id        uuid NOT NULL,
    organization_id text NOT NULL,
    quota_id        bigint NOT NULL,
    resource_id     text NOT NULL,
    usage_mb        bigint NOT NULL,
    user_id         text NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (quota_id, usage_id)
);
CREATE TABLE peer.audit (
    audit_id        uuid NOT NULL PRIMARY KEY,
    organization_id text NOT NULL,
    quota_id        bigint NOT NULL,
    action          text NOT NULL,
    actor_user_id   text NOT NULL,
    details         json NOT NULL,
    created_at      timestamptz NOT NULL
);
INSERT INTO peer.quotas (id, organization_id, total_mb)
SELECT n, 'org_' || n % 100, 9007199254740991 FROM generate_series(1, 10000) AS n;

CREATE FUNCTION peer.allocate(quota bigint, resource text, mb bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    q peer.quotas%ROWTYPE;
BEGIN
    SELECT * INTO q FROM peer.quotas WHERE id = quota FOR UPDATE;
    IF q.used_mb + q.allocated_mb + mb > q.total_mb THEN
        RETURN -1;
    END IF;
    UPDATE peer.quotas SET used_mb = used_mb + mb, version = version + 1 WHERE id = quota;
    INSERT INTO peer.usage VALUES (gen_random_uuid(), q.organization_id, quota, resource, mb, 'user_1', now());
    INSERT INTO peer.audit VALUES (gen_random_uuid(), q.organization_id, quota, 'usage.allocate', 'user_1',
        json_build_object('resource_id', resource, 'usage_mb', mb, 'used_mb', q.used_mb + mb), now());
    RETURN q.used_mb + mb;
END
$$;
ANALYZE peer.quotas;
