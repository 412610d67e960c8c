-- The whole schema of the quota service, for PostgreSQL 15 to 18. Flyway applies it; so does `psql -f`.
--
-- Every table is keyed by (organization_id, …), so that all of an organization's transactions could live on one shard.
-- Ids compare as bytes (COLLATE "C"): they are time-ordered, and locks are taken in that order everywhere.

CREATE SCHEMA IF NOT EXISTS quota;

-- The role that the service works under: neither owner nor superuser nor BYPASSRLS, so that row-level security holds for it.
-- Roles belong to the whole server: it may be there already (made by an administrator for a login that may not make roles, or
-- by another database's migration), or appear at the same moment.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'quota_app') THEN
        CREATE ROLE quota_app NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;
DO $$
BEGIN
    GRANT quota_app TO CURRENT_USER;
EXCEPTION
    WHEN insufficient_privilege THEN NULL; -- then the administrator has granted it; a start without it is refused
END
$$;
GRANT USAGE ON SCHEMA quota TO quota_app;

-- One row per organization, made with its first request: the end of its audit chain. Arrays are written by joining it.
CREATE TABLE quota.chain_heads (
    organization_id text COLLATE "C" NOT NULL PRIMARY KEY,
    seq             bigint NOT NULL DEFAULT 0,
    hash            bytea  NOT NULL DEFAULT decode(repeat('00', 32), 'hex')
) WITH (fillfactor = 50);

CREATE TABLE quota.quotas (
    organization_id     text COLLATE "C" NOT NULL,
    id                  text COLLATE "C" NOT NULL,
    parent_quota_id     text COLLATE "C",
    path                text COLLATE "C" NOT NULL,
    level               smallint NOT NULL CHECK (level BETWEEN 0 AND 15),
    name                text NOT NULL,
    description         text,
    type                text NOT NULL CHECK (type IN ('organization', 'team')),
    team_id             text,
    owner_id            text NOT NULL,
    owner_ids           text[] NOT NULL,
    inherited_owner_ids text[] NOT NULL,
    total_mb            bigint NOT NULL CHECK (total_mb BETWEEN 1 AND 9007199254740991),
    used_mb             bigint NOT NULL DEFAULT 0,
    allocated_mb        bigint NOT NULL DEFAULT 0,
    status              text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'deleted')),
    -- The nearest suspended quota among itself and its ancestors: the hot path reads one row.
    suspended_by        text COLLATE "C",
    version             bigint NOT NULL DEFAULT 1,
    grants_version      bigint NOT NULL DEFAULT 0,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    deleted_at          timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, parent_quota_id) REFERENCES quota.quotas (organization_id, id),
    CONSTRAINT never_over_allocated CHECK (used_mb >= 0 AND allocated_mb >= 0 AND used_mb + allocated_mb <= total_mb),
    CONSTRAINT team_of_a_team_quota CHECK ((type = 'team') = (team_id IS NOT NULL)),
    CONSTRAINT deleted_when_deleted CHECK ((status = 'deleted') = (deleted_at IS NOT NULL)),
    CONSTRAINT root_at_level_0 CHECK ((level = 0) = (parent_quota_id IS NULL))
) WITH (fillfactor = 50); -- room for updates in place: figures change all the time, indexed columns never do
-- Subtrees (suspend, resume, owners) by the prefix of the path.
CREATE INDEX quotas_path ON quota.quotas (organization_id, path);

-- The ledger: one row per usage operation, ordered by the version it gave its quota. Only ever inserted into, under the
-- quota's row lock; no foreign key, which invariant 6 checks instead.
CREATE TABLE quota.quota_usage (
    organization_id text COLLATE "C" NOT NULL,
    quota_id        text COLLATE "C" NOT NULL,
    quota_version   bigint NOT NULL,
    usage_id        uuid NOT NULL,
    resource_id     text COLLATE "C" NOT NULL,
    operation       text NOT NULL,
    usage_mb        bigint NOT NULL,
    user_id         text NOT NULL,
    service_id      text NOT NULL,
    reason          text,
    used_mb         bigint NOT NULL,
    held_mb         bigint NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, quota_id, quota_version)
);
-- The history of one resource.
CREATE INDEX quota_usage_resource ON quota.quota_usage (organization_id, quota_id, resource_id, quota_version);

-- What each resource holds on each quota now; a row goes when it holds nothing more.
CREATE TABLE quota.quota_holdings (
    organization_id text COLLATE "C" NOT NULL,
    quota_id        text COLLATE "C" NOT NULL,
    resource_id     text COLLATE "C" NOT NULL,
    held_mb         bigint NOT NULL CHECK (held_mb >= 0),
    last_activity   timestamptz NOT NULL,
    PRIMARY KEY (organization_id, quota_id, resource_id)
) WITH (fillfactor = 70);

-- Grants of read and admin made through this service: for listing. The auth service decides what they allow.
CREATE TABLE quota.quota_grants (
    organization_id text COLLATE "C" NOT NULL,
    quota_id        text COLLATE "C" NOT NULL,
    user_id         text COLLATE "C" NOT NULL,
    permissions     text[] NOT NULL,
    PRIMARY KEY (organization_id, quota_id, user_id),
    FOREIGN KEY (organization_id, quota_id) REFERENCES quota.quotas (organization_id, id)
);

-- Idempotency: the first answer under a key.
CREATE TABLE quota.operations (
    organization_id text COLLATE "C" NOT NULL,
    service_id      text COLLATE "C" NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL,
    fingerprint     bytea NOT NULL,
    message         text NOT NULL,
    data            text NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, service_id, idempotency_key)
);
-- For retention only; rows come in the order of time, so a few pages of index do.
CREATE INDEX operations_created ON quota.operations USING brin (created_at);

-- Nonces of accepted credentials, in partitions of an hour of their timestamp; partitions are dropped, rows never deleted.
CREATE TABLE quota.nonces (
    organization_id text COLLATE "C" NOT NULL,
    service_id      text COLLATE "C" NOT NULL,
    nonce           text COLLATE "C" NOT NULL,
    timestamp_ms    bigint NOT NULL,
    PRIMARY KEY (organization_id, service_id, nonce, timestamp_ms)
) PARTITION BY RANGE (timestamp_ms);

-- Audit entries on their way into the chain: one row per transaction and organization. `position` is drawn under the row
-- locks of the quotas, so that it is in order for each of them.
CREATE TABLE quota.outbox (
    organization_id text COLLATE "C" NOT NULL,
    position        bigint GENERATED ALWAYS AS IDENTITY,
    batch_id        uuid NOT NULL,
    entry_count     integer NOT NULL,
    entries         text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (organization_id, position)
-- Each row is deleted soon after: what is dead must go soon as well, as every search for the oldest row walks over it.
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);

-- The audit trail. Rows are only ever inserted; triggers refuse the rest, even to the owner.
CREATE TABLE quota.quota_audit_logs (
    organization_id text COLLATE "C" NOT NULL,
    seq             bigint NOT NULL,
    audit_id        uuid NOT NULL,
    quota_id        text COLLATE "C",
    parent_quota_id text COLLATE "C",
    quota_version   bigint,
    action          text NOT NULL,
    outcome         text NOT NULL,
    actor_user_id   text NOT NULL,
    service_id      text NOT NULL,
    target_user_id  text,
    details         json NOT NULL, -- not jsonb: the hash covers this very text
    request_id      text NOT NULL,
    created_at      timestamptz NOT NULL,
    hash            bytea NOT NULL,
    PRIMARY KEY (organization_id, seq)
);
CREATE INDEX quota_audit_logs_quota ON quota.quota_audit_logs (organization_id, quota_id, seq);
-- A child's creation and release are listed for its parent as well.
CREATE INDEX quota_audit_logs_parent ON quota.quota_audit_logs (organization_id, parent_quota_id, seq)
    WHERE action IN ('quota.allocate', 'quota.release');

CREATE FUNCTION quota.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are immutable' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER immutable_rows BEFORE UPDATE OR DELETE ON quota.quota_audit_logs
    FOR EACH ROW EXECUTE FUNCTION quota.refuse_change();
CREATE TRIGGER immutable_table BEFORE TRUNCATE ON quota.quota_audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION quota.refuse_change();
ALTER TABLE quota.quota_audit_logs ENABLE ALWAYS TRIGGER immutable_rows;
ALTER TABLE quota.quota_audit_logs ENABLE ALWAYS TRIGGER immutable_table;

-- What the auth service has still to be told, in order.
CREATE TABLE quota.auth_outbox (
    organization_id text COLLATE "C" NOT NULL,
    position        bigint GENERATED ALWAYS AS IDENTITY,
    quota_id        text COLLATE "C" NOT NULL,
    message         text NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    -- A node that delivers it says until when: meanwhile no other one does.
    claimed_until   timestamptz NOT NULL DEFAULT '-infinity',
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, position)
);
-- Which organizations have something due; what comes first of a quota.
CREATE INDEX auth_outbox_due ON quota.auth_outbox (next_attempt_at);
CREATE INDEX auth_outbox_quota ON quota.auth_outbox (organization_id, quota_id, position);

-- The built-in auth service's own tables.
CREATE TABLE quota.auth_resources (
    organization_id text COLLATE "C" NOT NULL,
    resource_id     text COLLATE "C" NOT NULL,
    resource_type   text NOT NULL,
    display_name    text NOT NULL,
    description     text NOT NULL,
    metadata        text NOT NULL,
    created_by      text NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, resource_id)
);
CREATE TABLE quota.auth_grants (
    organization_id text COLLATE "C" NOT NULL,
    resource_id     text COLLATE "C" NOT NULL,
    user_id         text COLLATE "C" NOT NULL,
    permission      text NOT NULL,
    expires_at      timestamptz,
    PRIMARY KEY (organization_id, resource_id, user_id, permission)
);

-- Hourly partitions for the nonces of the next day; those that can no longer hold a valid timestamp go. The service
-- calls it at start and every few minutes. As the owner, because the service's role may not change the schema.
CREATE FUNCTION quota.roll_nonce_partitions(now_ms bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET lock_timeout = '2s' AS $$
DECLARE
    hour_ms CONSTANT bigint := 3600000;
    this_hour CONSTANT bigint := now_ms / hour_ms;
    h bigint;
    partition_name text;
BEGIN
    -- One at a time; a node that comes second finds everything there.
    PERFORM pg_advisory_xact_lock(7163540918273645);
    FOR h IN this_hour - 1 .. this_hour + 24 LOOP
        partition_name := format('nonces_%s', h);
        IF to_regclass('quota.' || partition_name) IS NULL THEN
            EXECUTE format('CREATE TABLE quota.%I PARTITION OF quota.nonces FOR VALUES FROM (%s) TO (%s)',
                partition_name, h * hour_ms, (h + 1) * hour_ms);
            EXECUTE format('ALTER TABLE quota.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', partition_name);
        END IF;
    END LOOP;
    -- A timestamp is valid for 5 minutes after itself; an hour more costs nothing and forgives clocks.
    FOR partition_name IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'quota.nonces'::regclass
          -- CASE: a planner that looks at every relation before joining must not take their names for numbers.
          AND CASE WHEN c.relname ~ '^nonces_[0-9]+$' THEN substr(c.relname, 8)::bigint < this_hour - 1 END
    LOOP
        EXECUTE format('DROP TABLE quota.%I', partition_name);
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION quota.roll_nonce_partitions(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION quota.roll_nonce_partitions(bigint) TO quota_app;
SELECT quota.roll_nonce_partitions((extract(epoch FROM now()) * 1000)::bigint);

-- Privileges: what each table's use needs, nothing more.
GRANT SELECT, INSERT, UPDATE         ON quota.chain_heads      TO quota_app;
GRANT SELECT, INSERT, UPDATE         ON quota.quotas           TO quota_app;
GRANT SELECT, INSERT                 ON quota.quota_usage      TO quota_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON quota.quota_holdings   TO quota_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON quota.quota_grants     TO quota_app;
GRANT SELECT, INSERT, DELETE         ON quota.operations       TO quota_app;
GRANT SELECT, INSERT                 ON quota.nonces           TO quota_app;
GRANT SELECT, INSERT, DELETE         ON quota.outbox           TO quota_app;
GRANT SELECT, INSERT                 ON quota.quota_audit_logs TO quota_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON quota.auth_outbox      TO quota_app;
GRANT SELECT, INSERT                 ON quota.auth_resources   TO quota_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON quota.auth_grants      TO quota_app;

-- Every migration ends by saying which version it makes: for a schema that psql made, and for logins that may not migrate.
COMMENT ON TABLE quota.quotas IS 'schema version 1';
