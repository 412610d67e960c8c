-- Organization isolation. A transaction that names no organization sees and writes no row.
--
--   app.organization_id  one organization: reads and tree operations
--   app.scope            a JSON object whose keys are what a batch over many organizations claims: 'quota_id/organization_id'
--                        for rows of a quota, '/organization_id' for rows of an organization as a whole. An object, because
--                        its keys are found by binary search; pairs, because a statement that forgets the organization
--                        must still not touch a row under another one's name.
--   app.purpose          'maintenance': which organizations have work waiting, figures for metrics, and retention; set
--                        only by the transactions that do just that
--
-- In a file of its own, because another engine may need other policies for the same promise.

DO $$
DECLARE
    t record;
    one_organization CONSTANT text := 'organization_id = (SELECT current_setting(''app.organization_id'', true))';
    scope CONSTANT text := '(SELECT nullif(current_setting(''app.scope'', true), '''')::jsonb)';
BEGIN
    FOR t IN
        SELECT * FROM (VALUES
            ('quotas', 'id'), ('quota_usage', 'quota_id'), ('quota_holdings', 'quota_id'), ('quota_grants', 'quota_id'),
            ('chain_heads', ''''''), ('operations', ''''''), ('nonces', ''''''), ('outbox', ''''''),
            ('quota_audit_logs', ''''''), ('auth_outbox', ''''''), ('auth_resources', ''''''), ('auth_grants', '''''')
        ) AS tables (name, key)
    LOOP
        EXECUTE format('ALTER TABLE quota.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t.name);
        EXECUTE format('CREATE POLICY own_organization ON quota.%I USING (%s OR %s ? (%s || ''/'' || organization_id))',
            t.name, one_organization, scope, t.key);
    END LOOP;
    FOR t IN SELECT unnest(ARRAY['chain_heads', 'quotas', 'outbox', 'auth_outbox', 'operations']) AS name LOOP
        EXECUTE format('CREATE POLICY maintenance_reads ON quota.%I FOR SELECT '
            'USING ((SELECT current_setting(''app.purpose'', true)) = ''maintenance'')', t.name);
    END LOOP;
END
$$;
-- The promise of 24 hours is kept here as well.
CREATE POLICY maintenance_deletes ON quota.operations FOR DELETE
    USING ((SELECT current_setting('app.purpose', true)) = 'maintenance' AND created_at < now() - interval '24 hours');

COMMENT ON TABLE quota.quotas IS 'schema version 2';
