-- Capacity that is held for a resource for a while. A row is closed once and kept: clients may ask for it at any time.
CREATE TABLE quota.reservations (
    organization_id text COLLATE "C" NOT NULL,
    quota_id        text COLLATE "C" NOT NULL,
    reservation_id  text COLLATE "C" NOT NULL,
    resource_id     text COLLATE "C" NOT NULL,
    reserved_mb     bigint NOT NULL CHECK (reserved_mb >= 1),
    committed_mb    bigint NOT NULL DEFAULT 0 CHECK (committed_mb BETWEEN 0 AND reserved_mb),
    status          text NOT NULL CHECK (status IN ('held', 'committed', 'cancelled', 'expired')),
    expires_at      timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    closed_at       timestamptz,
    PRIMARY KEY (organization_id, quota_id, reservation_id),
    CONSTRAINT closed_when_not_held CHECK ((status = 'held') = (closed_at IS NULL)),
    CONSTRAINT used_when_committed CHECK ((status = 'committed') = (committed_mb > 0))
) WITH (fillfactor = 90);
-- What is due, of all organizations: for the sweeper, which orders by the same.
CREATE INDEX reservations_due ON quota.reservations (expires_at) WHERE status = 'held';
-- What is due of one quota, and when the next one is.
CREATE INDEX reservations_of_quota_due ON quota.reservations (organization_id, quota_id, expires_at) WHERE status = 'held';

ALTER TABLE quota.reservations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_organization ON quota.reservations
    USING (organization_id = (SELECT current_setting('app.organization_id', true))
        OR (SELECT nullif(current_setting('app.scope', true), '')::jsonb) ? (quota_id || '/' || organization_id));
CREATE POLICY maintenance_reads ON quota.reservations FOR SELECT
    USING ((SELECT current_setting('app.purpose', true)) = 'maintenance');
GRANT SELECT, INSERT, UPDATE ON quota.reservations TO quota_app;

-- No reservation of the quota expires before this moment: operations look for expired ones only from then on. The table is
-- small, and a column without a default is added without writing its rows.
ALTER TABLE quota.quotas ADD COLUMN reservations_due_at timestamptz;
ALTER TABLE quota.quotas ADD CONSTRAINT reserved_until_due
    CHECK ((reserved_mb > 0) = (reservations_due_at IS NOT NULL));

COMMENT ON TABLE quota.quotas IS 'schema version 12';
