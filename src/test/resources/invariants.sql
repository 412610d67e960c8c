-- The invariants of the design. Each query after its name must return no row; the first column of a row says where it fails.
-- That hashes recompute is checked by `audit verify`.

-- Several queries need the same entries. These are decoded from JSON once, as that takes most of the time.
SET work_mem = '128MB';

-- Every audit entry, sealed or not. Entries that are not sealed yet have no seq and no hash.
CREATE TEMP TABLE trail AS
SELECT organization_id, audit_id, quota_id, parent_quota_id, quota_version, action, outcome, details::jsonb, seq, hash,
    target_user_id
FROM quota.quota_audit_logs
UNION ALL
SELECT u.organization_id, (e ->> 0)::uuid, e ->> 1, e ->> 2, (e ->> 3)::bigint, e ->> 4, e ->> 5, (e -> 11)::jsonb,
    NULL, NULL, e ->> 8
FROM quota.unsealed u
JOIN quota.journal j ON j.organization_id = u.organization_id AND j.position = u.position
CROSS JOIN json_array_elements(j.entries::json) AS e;

ANALYZE trail;

CREATE TEMP TABLE ledger AS
SELECT organization_id, quota_id, quota_version, usage_id, operation, usage_mb, difference_mb, transfer_id, used_mb, created_at
FROM quota.quota_usage;

ANALYZE ledger;

-- The quotas that each row of the journal is about.
CREATE TEMP TABLE about AS
SELECT DISTINCT j.organization_id, j.position, q.quota_id
FROM quota.journal j CROSS JOIN LATERAL json_array_elements(j.entries::json) AS e
CROSS JOIN LATERAL (VALUES (e ->> 1),
    (CASE WHEN e ->> 4 IN ('quota.allocate', 'quota.release') THEN e ->> 2 END)) AS q (quota_id)
WHERE q.quota_id IS NOT NULL;

ANALYZE about;

-- A table and not a subquery: joined inside LATERAL, an organization's whole journal was read for each of its seals.
CREATE TEMP TABLE places AS
SELECT s.organization_id, s.last_seq, s.first_seq, p.position, p.place
FROM quota.seals s CROSS JOIN LATERAL unnest(s.positions) WITH ORDINALITY AS p (position, place);

ANALYZE places;

-- 1: used, allocated and reserved stay within the total
SELECT id FROM quota.quotas
WHERE used_mb < 0 OR allocated_mb < 0 OR reserved_mb < 0 OR used_mb + allocated_mb + reserved_mb > total_mb;

-- 1: what drains is alive and drains to less than it has
SELECT id, drain_to_mb, total_mb FROM quota.quotas
WHERE drain_to_mb IS NOT NULL AND (status = 'deleted' OR drain_to_mb < 1 OR drain_to_mb >= total_mb);

-- 5: the newest state of each quota is what it is, but for its usage
SELECT q.id, q.version, s.version FROM quota.quotas q
LEFT JOIN LATERAL (SELECT * FROM quota.quota_states x WHERE x.organization_id = q.organization_id AND x.quota_id = q.id
                   ORDER BY x.changed_at DESC, x.version DESC LIMIT 1) s ON true
WHERE s.version IS NULL OR s.version > q.version
    OR (q.parent_quota_id IS NULL AND s.owner_id <> q.owner_id)
    OR (s.parent_quota_id, s.name, s.description, s.key, s.status, s.total_mb, s.allocated_mb, s.drain_to_mb)
    IS DISTINCT FROM (q.parent_quota_id, q.name, q.description, q.key, q.status, q.total_mb, q.allocated_mb, q.drain_to_mb);

-- 3: what was added up for each minute is the sealed ledger; of quotas from before it was added up, only a part is
SELECT coalesce(m.quota_id, l.quota_id), m.minute, l.minute
FROM (SELECT organization_id, quota_id, minute, used_mb_min, used_mb_max, used_mb_end, allocated_mb, deallocated_mb
      FROM quota.usage_minutes WHERE used_mb_end IS NOT NULL) m
FULL JOIN (
    SELECT organization_id, quota_id, floor(extract(epoch FROM created_at) / 60)::bigint AS minute, min(used_mb) AS used_mb_min,
        max(used_mb) AS used_mb_max, (array_agg(used_mb ORDER BY quota_version DESC))[1] AS used_mb_end,
        sum(greatest(difference_mb, 0)) AS allocated_mb, sum(greatest(-difference_mb, 0)) AS deallocated_mb
    FROM ledger GROUP BY 1, 2, 3) l USING (organization_id, quota_id, minute)
WHERE (m.used_mb_min, m.used_mb_max, m.used_mb_end, m.allocated_mb, m.deallocated_mb)
    IS DISTINCT FROM (l.used_mb_min, l.used_mb_max, l.used_mb_end, l.allocated_mb, l.deallocated_mb)
  AND NOT EXISTS (SELECT FROM quota.unsealed u WHERE u.organization_id = coalesce(m.organization_id, l.organization_id))
  AND EXISTS (SELECT FROM quota.quota_states s WHERE s.organization_id = coalesce(m.organization_id, l.organization_id)
              AND s.quota_id = coalesce(m.quota_id, l.quota_id) AND s.version = 1);

-- 1: keys are unique among living siblings
SELECT min(id), parent_quota_id, key FROM quota.quotas
WHERE key IS NOT NULL AND status <> 'deleted'
GROUP BY organization_id, parent_quota_id, key HAVING count(*) > 1;

-- 1: what is reserved is what the reservations hold
SELECT q.id, q.reserved_mb, r.total FROM quota.quotas q
LEFT JOIN (SELECT organization_id, quota_id, sum(reserved_mb) AS total FROM quota.reservations
           WHERE status = 'held' GROUP BY 1, 2) r
  ON r.organization_id = q.organization_id AND r.quota_id = q.id
WHERE q.reserved_mb <> coalesce(r.total, 0);

-- 1: no reservation expires before the moment at which its quota is looked at
SELECT r.reservation_id, r.expires_at, q.reservations_due_at FROM quota.reservations r
JOIN quota.quotas q ON q.organization_id = r.organization_id AND q.id = r.quota_id
WHERE r.status = 'held' AND (q.reservations_due_at IS NULL OR r.expires_at < q.reservations_due_at);

-- 4: what the trail says last of a request for a larger quota is what is stored: it has one end
SELECT coalesce(i.increase_id, t.increase_id), i.status, t.statuses FROM quota.increases i
FULL JOIN (
    SELECT organization_id, details -> 'increase' ->> 'increase_id' AS increase_id,
           array_agg(details -> 'increase' ->> 'status' ORDER BY details -> 'increase' ->> 'status' = 'pending' DESC) AS statuses
    FROM trail WHERE outcome = 'applied' AND action LIKE 'increase.%' GROUP BY 1, 2) t
  ON t.organization_id = i.organization_id AND t.increase_id = i.increase_id
WHERE t.statuses IS DISTINCT FROM
    CASE i.status WHEN 'pending' THEN ARRAY['pending'] ELSE ARRAY['pending', i.status] END;

-- 2: allocated is the sum of the children that are not deleted
SELECT p.id, p.allocated_mb, c.total FROM quota.quotas p
LEFT JOIN (SELECT organization_id, parent_quota_id, sum(total_mb) AS total FROM quota.quotas
           WHERE status <> 'deleted' GROUP BY 1, 2) c
  ON c.organization_id = p.organization_id AND c.parent_quota_id = p.id
WHERE p.allocated_mb <> coalesce(c.total, 0);

-- 2: a living quota is where its parent says, which lives; so there are no circles
SELECT q.id, q.path, q.level, p.path, p.level FROM quota.quotas q
LEFT JOIN quota.quotas p ON p.organization_id = q.organization_id AND p.id = q.parent_quota_id
WHERE q.status <> 'deleted'
  AND (q.path, q.level) IS DISTINCT FROM CASE WHEN q.parent_quota_id IS NULL THEN ('/' || q.id, 0::smallint)
      WHEN p.status <> 'deleted' THEN (p.path || '/' || q.id, (p.level + 1)::smallint) END;

-- 2: a living quota has the owners above it, the root's owner, and the nearest suspension
SELECT q.id, q.inherited_owner_ids, q.owner_id, q.suspended_by FROM quota.quotas q
LEFT JOIN quota.quotas p ON p.organization_id = q.organization_id AND p.id = q.parent_quota_id
WHERE q.status <> 'deleted'
  AND (q.owner_id IS DISTINCT FROM coalesce(p.owner_id, q.owner_id)
       OR NOT (q.inherited_owner_ids <@ (coalesce(p.owner_ids, '{}') || coalesce(p.inherited_owner_ids, '{}')))
       OR NOT (q.inherited_owner_ids @> (coalesce(p.owner_ids, '{}') || coalesce(p.inherited_owner_ids, '{}')))
       OR q.suspended_by IS DISTINCT FROM CASE q.status WHEN 'suspended' THEN q.id ELSE p.suspended_by END);

-- 3: used is the sum of the holdings
SELECT q.id, q.used_mb, h.total FROM quota.quotas q
LEFT JOIN (SELECT organization_id, quota_id, sum(held_mb) AS total FROM quota.quota_holdings
           GROUP BY 1, 2) h
  ON h.organization_id = q.organization_id AND h.quota_id = q.id
WHERE q.used_mb <> coalesce(h.total, 0);

-- 3: used is the sum of the ledger
SELECT q.id, q.used_mb, u.total FROM quota.quotas q
LEFT JOIN (SELECT organization_id, quota_id,
                  sum(difference_mb) AS total
           FROM ledger GROUP BY 1, 2) u
  ON u.organization_id = q.organization_id AND u.quota_id = q.id
WHERE q.used_mb <> coalesce(u.total, 0);

-- 3: versions are without gap
SELECT q.id, q.version, v.n, v.lowest, v.highest FROM quota.quotas q
LEFT JOIN (
    SELECT organization_id, quota_id, count(*) AS n, count(DISTINCT version) AS different,
           min(version) AS lowest, max(version) AS highest
    FROM (SELECT t.organization_id, c ->> 'quota_id' AS quota_id, (c ->> 'version')::bigint AS version
          FROM trail t CROSS JOIN jsonb_array_elements(t.details -> 'changes') AS c WHERE t.outcome = 'applied'
          UNION ALL
          -- Entries of releases before changes had a format.
          SELECT organization_id, quota_id, quota_version FROM trail
          WHERE outcome = 'applied' AND quota_version IS NOT NULL AND details -> 'changes' IS NULL
          UNION ALL
          SELECT organization_id, parent_quota_id, (details ->> 'parent_version')::bigint FROM trail
          WHERE outcome = 'applied' AND details ->> 'parent_version' IS NOT NULL) AS versions
    GROUP BY organization_id, quota_id) v
  ON v.organization_id = q.organization_id AND v.quota_id = q.id
WHERE (q.version, q.version, 1, q.version)
      IS DISTINCT FROM (v.n, v.different, v.lowest, v.highest);

-- 3: an entry's own version is that of its first change
SELECT audit_id, quota_id, quota_version, details FROM trail
WHERE outcome = 'applied' AND details -> 'changes' IS NOT NULL
  AND (quota_version IS DISTINCT FROM (details -> 'changes' -> 0 ->> 'version')::bigint
       OR (quota_version IS NOT NULL AND quota_id IS DISTINCT FROM details -> 'changes' -> 0 ->> 'quota_id'));

-- 4: an operation has one audit entry
SELECT audit_id, count(*) FROM trail GROUP BY organization_id, audit_id HAVING count(*) <> 1;

-- 4: what the ledger has, the trail has as applied
SELECT u.usage_id FROM ledger u
LEFT JOIN trail t ON t.organization_id = u.organization_id AND t.audit_id = u.usage_id AND t.outcome = 'applied'
    AND t.quota_id = u.quota_id AND t.quota_version = u.quota_version
    AND (t.action = CASE WHEN u.transfer_id IS NULL THEN 'usage.' || u.operation ELSE 'usage.transfer' END
         OR t.action = 'usage.batch' OR (t.action = 'usage.reconcile' AND u.operation = 'adjust')
         OR (t.action = 'reservation.commit' AND u.operation = 'allocate' AND u.transfer_id IS NULL))
WHERE t.audit_id IS NULL;

-- 4: the ledger has applied usage and nothing refused
SELECT t.audit_id, t.outcome FROM trail t
LEFT JOIN ledger u ON u.organization_id = t.organization_id AND u.usage_id = t.audit_id
WHERE (t.outcome = 'applied' AND (t.action LIKE 'usage.%' OR t.action = 'reservation.commit'))
      <> (u.usage_id IS NOT NULL);

-- 4: every reservation was created once, and what the trail says last of it is what is stored: it has one end
SELECT coalesce(r.reservation_id, t.reservation_id), r.status, t.statuses FROM quota.reservations r
FULL JOIN (
    SELECT t.organization_id, c ->> 'quota_id' AS quota_id, c ->> 'reservation_id' AS reservation_id,
           array_agg(c -> 'after' -> 'reservation' ->> 'status' ORDER BY (c ->> 'version')::bigint) AS statuses,
           count(*) FILTER (WHERE t.action = 'reservation.create') AS created,
           count(*) FILTER (WHERE c -> 'after' -> 'reservation' ->> 'status' <> 'held') AS ends
    FROM trail t CROSS JOIN jsonb_array_elements(t.details -> 'changes') AS c
    WHERE t.outcome = 'applied' AND t.action LIKE 'reservation.%'
    GROUP BY 1, 2, 3) t
  ON t.organization_id = r.organization_id AND t.quota_id = r.quota_id AND t.reservation_id = r.reservation_id
WHERE r.status IS DISTINCT FROM t.statuses[array_upper(t.statuses, 1)] OR t.created <> 1
   OR t.ends <> CASE r.status WHEN 'held' THEN 0 ELSE 1 END;

-- 4: a transfer has two entries, which together change nothing
SELECT transfer_id, count(*) FROM ledger WHERE transfer_id IS NOT NULL
GROUP BY organization_id, transfer_id
HAVING count(*) <> 2 OR sum(difference_mb) <> 0;

-- 5: chains are without gap and end at their heads
SELECT coalesce(h.organization_id, a.organization_id), h.seq, a.n, a.lowest, a.highest
FROM quota.chain_heads h
FULL JOIN (SELECT organization_id, count(*) AS n, min(seq) AS lowest, max(seq) AS highest
           FROM trail WHERE seq IS NOT NULL GROUP BY organization_id) a
  ON a.organization_id = h.organization_id
LEFT JOIN trail l ON l.organization_id = h.organization_id AND l.seq = h.seq
WHERE h.seq IS NULL OR h.seq <> coalesce(a.n, 0) OR h.seq <> coalesce(a.highest, 0)
   OR coalesce(a.lowest, 1) <> 1
   OR (h.seq > 0 AND h.hash IS DISTINCT FROM l.hash);

-- 5: each row of the journal has one place in the chain, or waits for it
SELECT coalesce(j.organization_id, p.organization_id), coalesce(j.position, p.position), p.n FROM quota.journal j
FULL JOIN (
    SELECT organization_id, position, count(*) AS n FROM (
        SELECT organization_id, position FROM places
        UNION ALL SELECT organization_id, position FROM quota.unsealed) AS either
    GROUP BY organization_id, position) p
  ON p.organization_id = j.organization_id AND p.position = j.position
WHERE j.position IS NULL OR p.n IS DISTINCT FROM 1;

-- 5: a row of the journal has as many entries as it says
SELECT organization_id, position FROM quota.journal WHERE entry_count <> json_array_length(entries::json);

-- 5: the quotas of a seal are those that its entries are about
WITH rows AS (
    SELECT p.organization_id, p.last_seq, p.position,
        p.first_seq + sum(j.entry_count) OVER (PARTITION BY p.organization_id, p.last_seq ORDER BY p.place) - j.entry_count
            AS first_seq
    FROM places p JOIN quota.journal j ON j.organization_id = p.organization_id AND j.position = p.position),
expected AS (
    SELECT r.organization_id, a.quota_id, r.last_seq, r.position, r.first_seq
    FROM rows r JOIN about a ON a.organization_id = r.organization_id AND a.position = r.position),
stored AS (
    SELECT x.organization_id, x.quota_id, x.last_seq, p.position, p.first_seq
    FROM quota.seal_quotas x CROSS JOIN LATERAL unnest(x.positions, x.first_seqs) AS p (position, first_seq))
(SELECT * FROM expected EXCEPT SELECT * FROM stored) UNION ALL (SELECT * FROM stored EXCEPT SELECT * FROM expected);

-- 7: what is recorded of a user's grants is what the trail says last, once all of it is sealed
SELECT l.quota_id, l.target_user_id, l.granted_after, g.permissions FROM (
    SELECT DISTINCT ON (organization_id, quota_id, target_user_id)
           organization_id, quota_id, target_user_id,
           coalesce(details -> 'changes' -> 0 -> 'after' ->> 'granted', details ->> 'granted_after') AS granted_after
    FROM trail
    WHERE seq IS NOT NULL AND outcome = 'applied' AND action LIKE 'permission.%'
      AND coalesce(details -> 'changes' -> 0 -> 'after' ->> 'granted', details ->> 'granted_after') IS NOT NULL
    ORDER BY organization_id, quota_id, target_user_id, seq DESC) l
LEFT JOIN quota.quota_grants g
  ON g.organization_id = l.organization_id AND g.quota_id = l.quota_id AND g.user_id = l.target_user_id
WHERE l.granted_after::jsonb <> coalesce(to_jsonb(g.permissions), '[]')
  AND NOT EXISTS (SELECT FROM quota.unsealed o WHERE o.organization_id = l.organization_id);

-- 7: the built-in auth service holds what is recorded, once it was told of everything; ownership is decided elsewhere
SELECT coalesce(a.resource_id, g.quota_id), coalesce(a.user_id, g.user_id), a.held, g.held FROM (
    SELECT organization_id, resource_id, user_id, array_agg(permission ORDER BY permission) AS held
    FROM quota.auth_grants WHERE permission <> 'owner' GROUP BY organization_id, resource_id, user_id) a
FULL JOIN (
    SELECT organization_id, quota_id, user_id, (SELECT array_agg(p ORDER BY p) FROM unnest(permissions) p) AS held
    FROM quota.quota_grants) g
  ON g.organization_id = a.organization_id AND g.quota_id = a.resource_id AND g.user_id = a.user_id
WHERE a.held IS DISTINCT FROM g.held
  AND EXISTS (SELECT FROM quota.auth_resources r
              WHERE r.organization_id = coalesce(a.organization_id, g.organization_id)
                AND r.resource_id = coalesce(a.resource_id, g.quota_id))
  AND NOT EXISTS (SELECT FROM quota.auth_outbox o
                  WHERE o.organization_id = coalesce(a.organization_id, g.organization_id)
                    AND o.quota_id = coalesce(a.resource_id, g.quota_id));

-- 6: no row's organization differs from its quota's
SELECT t.quota_id FROM (
    SELECT organization_id, quota_id FROM ledger
    UNION ALL SELECT organization_id, quota_id FROM quota.quota_holdings
    UNION ALL SELECT organization_id, quota_id FROM quota.quota_grants
    UNION ALL SELECT organization_id, quota_id FROM quota.reservations
    UNION ALL SELECT organization_id, quota_id FROM quota.increases
    UNION ALL SELECT organization_id, quota_id FROM trail WHERE quota_id IS NOT NULL
) t
WHERE NOT EXISTS (SELECT FROM quota.quotas q
                  WHERE q.organization_id = t.organization_id AND q.id = t.quota_id);
