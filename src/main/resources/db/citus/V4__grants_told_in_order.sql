-- Changes of one user's grants on one quota are told to the auth service one at a time. A message with a target is the claim
-- on that user's grants: while it is there, what the auth service holds may differ from what is recorded here, and
-- delivering the message makes the two equal again.

-- register: makes a quota known, then leaves one message for each of its admins
-- grant:    tells for the first time what the quota's creation recorded for the target
-- change:   a client's grant or revocation for the target is under way
-- restore:  makes the auth service hold for the target exactly what is recorded
ALTER TABLE quota.auth_outbox ADD COLUMN kind text NOT NULL DEFAULT 'register';
ALTER TABLE quota.auth_outbox ADD COLUMN target_user_id text COLLATE "C";
-- Who has claimed the message: meaningful until somebody else claims it, also after claimed_until.
ALTER TABLE quota.auth_outbox ADD COLUMN claimed_by uuid;
-- The idempotency key of the change under way: no other change under the same key may be told meanwhile.
ALTER TABLE quota.auth_outbox ADD COLUMN service_id text COLLATE "C";
ALTER TABLE quota.auth_outbox ADD COLUMN idempotency_key text COLLATE "C";
-- A call that got no answer may still take effect until then: the message stays, to be delivered once more after that.
ALTER TABLE quota.auth_outbox ADD COLUMN uncertain_until timestamptz NOT NULL DEFAULT '-infinity';

CREATE UNIQUE INDEX auth_outbox_target ON quota.auth_outbox (organization_id, quota_id, target_user_id)
    WHERE target_user_id IS NOT NULL;
CREATE UNIQUE INDEX auth_outbox_key ON quota.auth_outbox (organization_id, service_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

COMMENT ON TABLE quota.quotas IS 'schema version 4 for Citus';
