package com.cagen.quota.delivery;

import com.cagen.quota.domain.access.GrantKey;
import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.storage.rows.AuthOutboxRows.Claimed;
import com.cagen.quota.storage.rows.GrantRows;
import com.cagen.quota.storage.rows.JournalRows;
import com.cagen.quota.storage.rows.QuotaWrites;
import com.cagen.quota.storage.sql.DatabaseSession;
import com.fasterxml.uuid.Generators;
import com.fasterxml.uuid.impl.TimeBasedEpochRandomGenerator;
import io.vertx.core.Future;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What follows when the auth service refuses for good what the outbox tells it: a grant is withdrawn, so that record, trail and
 * auth service agree, and the trail says so, with the system as the actor.
 */
final class RefusedGrants {
    private final TimeBasedEpochRandomGenerator ids = Generators.timeBasedEpochRandomGenerator();

    /** Writes all that in the given transaction, which holds the quota's lock. */
    Future<Void> conclude(DatabaseSession connection, Quota quota, Claimed claimed, AuthRefusal told) {
        if (claimed.target() == null) {
            String creation = quota.parentId() == null ? "quota.create" : "quota.allocate";
            return write(connection, refused(quota, creation, null, Objects.requireNonNull(told.grant())));
        }
        if (told.grant() == null) {
            // Nothing changes here: the auth service may hold more than is recorded, and somebody has to look.
            String reason = Objects.requireNonNull(told.revocation());
            return write(connection, refused(quota, "permission.revoke", claimed.target(), reason))
                    .compose(ignored -> QuotaWrites.update(connection, quota.withGrantsForgotten()));
        }
        return withdraw(connection, quota, claimed.target(), told.grant());
    }

    private Future<Void> withdraw(DatabaseSession connection, Quota quota, String target, String reason) {
        Instant now = now();
        GrantKey key = new GrantKey(quota.organizationId(), quota.id(), target);
        return GrantRows.find(connection, List.of(key)).compose(grants -> {
            Set<Permission> before = grants.getOrDefault(key, Set.of());
            if (before.isEmpty()) { // an owner, whom the auth service does not decide about
                return write(connection, refused(quota, "permission.grant", target, reason))
                        .compose(ignored -> QuotaWrites.update(connection, quota.withGrantsForgotten()));
            }
            Quota written = quota.withOwners(quota.ownerId(), quota.ownerIds(), now);
            JsonObject details = new JsonObject()
                    .put("permissions", names(before))
                    .put(
                            "changes",
                            new JsonArray()
                                    .add(new JsonObject()
                                            .put("quota_id", quota.id())
                                            .put("version", written.version())
                                            .put("before", new JsonObject().put("granted", names(before)))
                                            .put("after", new JsonObject().put("granted", new JsonArray()))))
                    .put("reason", "The auth service refused the grant.")
                    .put("auth_service_said", reason);
            AuditEntry entry =
                    entry(quota, written.version(), "permission.revoke", AuditEntry.APPLIED, target, details, now);
            return QuotaWrites.update(connection, written)
                    .compose(ignored -> connection.write(
                            GrantRows.writes(grants, Map.of(key, new GrantRows.Grant(Set.of(), null, null)), now)))
                    .compose(ignored -> write(connection, entry));
        });
    }

    private AuditEntry refused(Quota quota, String action, @Nullable String target, String reason) {
        JsonObject details = new JsonObject()
                .put("code", ErrorCode.AUTH_UNAVAILABLE.wireName())
                .put("reason", "The auth service refused it.")
                .put("auth_service_said", reason);
        return entry(quota, null, action, AuditEntry.REFUSED, target, details, now());
    }

    private AuditEntry entry(
            Quota quota,
            @Nullable Long version,
            String action,
            String outcome,
            @Nullable String target,
            JsonObject details,
            Instant now) {
        UUID id = ids.generate();
        return new AuditEntry(
                id,
                quota.organizationId(),
                quota.id(),
                quota.parentId(),
                version,
                action,
                outcome,
                Caller.SYSTEM,
                Caller.SYSTEM_SERVICE,
                target,
                details.encode(),
                id.toString(),
                now);
    }

    private static Future<Void> write(DatabaseSession connection, AuditEntry entry) {
        return JournalRows.write(connection, entry.auditId(), entry.organizationId(), List.of(entry));
    }

    private static Instant now() {
        return Instant.now().truncatedTo(ChronoUnit.MICROS);
    }

    private static JsonArray names(Collection<Permission> permissions) {
        JsonArray names = new JsonArray();
        permissions.forEach(permission -> names.add(permission.wireName()));
        return names;
    }
}
