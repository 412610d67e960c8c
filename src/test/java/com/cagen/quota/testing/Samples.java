package com.cagen.quota.testing;

import com.cagen.quota.domain.Caller;
import com.cagen.quota.domain.Input;
import com.cagen.quota.domain.KnownGrants;
import com.cagen.quota.domain.Nonce;
import com.cagen.quota.domain.Permission;
import com.cagen.quota.domain.Quota;
import com.cagen.quota.domain.QuotaStatus;
import com.cagen.quota.domain.QuotaType;
import com.cagen.quota.domain.Request;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Rows;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Rows and requests to try the rules with. */
public final class Samples {
    public static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
    public static final String ORG = "org_1";

    private Samples() {}

    public static Quota root(String id, long totalMb) {
        return new Quota(
                ORG,
                id,
                null,
                "/" + id,
                0,
                "name of " + id,
                null,
                QuotaType.ORGANIZATION,
                null,
                "owner",
                List.of("owner"),
                List.of(),
                totalMb,
                0,
                0,
                QuotaStatus.ACTIVE,
                null,
                1,
                1,
                NOW,
                NOW,
                null);
    }

    /** A team's when {@code teamId} is given, else the organization's. Nobody owns it by itself. */
    public static Quota child(Quota parent, String id, long totalMb, @Nullable String teamId) {
        return new Quota(
                parent.organizationId(),
                id,
                parent.id(),
                parent.path() + "/" + id,
                parent.level() + 1,
                "name of " + id,
                null,
                teamId == null ? QuotaType.ORGANIZATION : QuotaType.TEAM,
                teamId,
                parent.ownerId(),
                List.of(),
                List.copyOf(parent.ownerIds()),
                totalMb,
                0,
                0,
                QuotaStatus.ACTIVE,
                parent.suspendedBy(),
                1,
                1,
                NOW,
                NOW,
                null);
    }

    /** The same quota under another organization's name. */
    public static Quota in(String organizationId, Quota quota) {
        return copy(quota, organizationId, quota.level(), quota.ownerId(), quota.suspendedBy(), quota.grantsVersion());
    }

    public static Quota atLevel(int level, Quota quota) {
        return copy(quota, quota.organizationId(), level, quota.ownerId(), quota.suspendedBy(), quota.grantsVersion());
    }

    /** As suspending or resuming an ancestor leaves a row: another nearest suspended quota, nothing else. */
    public static Quota suspendedBy(@Nullable String suspendedBy, Quota quota) {
        return copy(quota, quota.organizationId(), quota.level(), quota.ownerId(), suspendedBy, quota.grantsVersion());
    }

    /** As a change of owners above leaves a row: naming another one, nothing else. */
    public static Quota ownedBy(String ownerId, Quota quota) {
        return copy(quota, quota.organizationId(), quota.level(), ownerId, quota.suspendedBy(), quota.grantsVersion());
    }

    public static Quota withGrantsVersion(long grantsVersion, Quota quota) {
        return copy(quota, quota.organizationId(), quota.level(), quota.ownerId(), quota.suspendedBy(), grantsVersion);
    }

    private static Quota copy(
            Quota q,
            String organizationId,
            int level,
            String ownerId,
            @Nullable String suspendedBy,
            long grantsVersion) {
        return new Quota(
                organizationId,
                q.id(),
                q.parentId(),
                q.path(),
                level,
                q.name(),
                q.description(),
                q.type(),
                q.teamId(),
                ownerId,
                q.ownerIds(),
                q.inheritedOwnerIds(),
                q.totalMb(),
                q.usedMb(),
                q.allocatedMb(),
                q.status(),
                suspendedBy,
                q.version(),
                grantsVersion,
                q.createdAt(),
                q.updatedAt(),
                q.deletedAt());
    }

    public static Caller caller(String userId) {
        return new Caller(ORG, userId, "svc", List.of("team_1"));
    }

    public static Request request(Caller caller, @Nullable String idempotencyKey, Input command) {
        return new Request("req", caller, new Nonce("nonce", 0), idempotencyKey, Commands.nameOf(command), command);
    }

    public static KnownGrants knows(Quota quota, Permission... granted) {
        return new KnownGrants(Map.of(quota.id(), new KnownGrants.Entry(Set.of(granted), quota.grantsVersion())));
    }

    public static KnownGrants both(KnownGrants one, KnownGrants other) {
        Map<String, KnownGrants.Entry> all = new HashMap<>(one.byQuotaId());
        all.putAll(other.byQuotaId());
        return new KnownGrants(all);
    }

    /**
     * What an operation decides about a caller's command.
     *
     * @param toldAuth whether the auth service has confirmed the change
     */
    public static Decision decide(Input command, Rows rows, Caller caller, boolean toldAuth) {
        return decide(Commands.operationOf(command), command, rows, caller, toldAuth);
    }

    private static <C extends Input> Decision decide(
            Operation<C> operation, Input command, Rows rows, Caller caller, boolean toldAuth) {
        Context context = new Context(new UUID(0, 1), caller, NOW, () -> "q_new", toldAuth);
        return ((RowOperation<C>) operation).decide(operation.commandType().cast(command), rows, context);
    }
}
