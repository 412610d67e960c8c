package com.cagen.quota.testing;

import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.Nonce;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaType;
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

    /** The largest amount that the contract allows, in megabytes: 2^53 - 1. */
    public static final long MAX_MB = 9_007_199_254_740_991L;

    private Samples() {}

    public static Quota root(String id, long totalMb) {
        return withGrantsVersion(
                1,
                Quota.created(
                        Quota.Placement.root(ORG, id, QuotaType.ORGANIZATION, null),
                        new Quota.Label("name of " + id, null, null),
                        Quota.Ownership.of("owner"),
                        totalMb,
                        NOW));
    }

    /** A team's when {@code teamId} is given, else the organization's. Nobody owns it by itself. */
    public static Quota child(Quota parent, String id, long totalMb, @Nullable String teamId) {
        Quota child = Quota.created(
                parent.placement().child(id, teamId == null ? QuotaType.ORGANIZATION : QuotaType.TEAM, teamId),
                new Quota.Label("name of " + id, null, null),
                parent.ownership().inherited(),
                totalMb,
                NOW);
        return suspendedBy(parent.suspendedBy(), withGrantsVersion(1, child));
    }

    /** The same quota under another organization's name. */
    public static Quota in(String organizationId, Quota quota) {
        return placed(organizationId, quota.level(), quota);
    }

    public static Quota atLevel(int level, Quota quota) {
        return placed(quota.organizationId(), level, quota);
    }

    private static Quota placed(String organizationId, int level, Quota quota) {
        Quota.Placement placement = new Quota.Placement(
                organizationId, quota.id(), quota.parentId(), quota.path(), level, quota.type(), quota.teamId());
        return copy(quota, placement, quota.ownership(), quota.figures(), quota.suspendedBy());
    }

    /** As moving a quota above leaves a row: another place, and what was learnt of its grants worthless. */
    public static Quota moved(String path, int level, Quota quota) {
        Quota.Placement placement = new Quota.Placement(
                quota.organizationId(), quota.id(), quota.parentId(), path, level, quota.type(), quota.teamId());
        return copy(
                quota,
                placement,
                new Quota.Ownership(
                        quota.ownerId(), quota.ownerIds(), quota.inheritedOwnerIds(), quota.grantsVersion() + 1),
                quota.figures(),
                quota.suspendedBy());
    }

    /** As suspending or resuming an ancestor leaves a row: another nearest suspended quota, nothing else. */
    public static Quota suspendedBy(@Nullable String suspendedBy, Quota quota) {
        return copy(quota, quota.placement(), quota.ownership(), quota.figures(), suspendedBy);
    }

    /** As a change of owners above leaves a row: naming another one, nothing else. */
    public static Quota ownedBy(String ownerId, Quota quota) {
        return owned(ownerId, quota.grantsVersion(), quota);
    }

    public static Quota withGrantsVersion(long grantsVersion, Quota quota) {
        return owned(quota.ownerId(), grantsVersion, quota);
    }

    private static Quota owned(String ownerId, long grantsVersion, Quota quota) {
        Quota.Ownership ownership =
                new Quota.Ownership(ownerId, quota.ownerIds(), quota.inheritedOwnerIds(), grantsVersion);
        return copy(quota, quota.placement(), ownership, quota.figures(), quota.suspendedBy());
    }

    /** With something reserved for a long time. */
    public static Quota reserved(long reservedMb, Quota quota) {
        Quota.Figures figures = quota.figures().reserving(reservedMb, NOW.plusSeconds(86_400));
        return copy(quota, quota.placement(), quota.ownership(), figures, quota.suspendedBy());
    }

    /** With a key, which no creation gives. */
    public static Quota keyed(String key, Quota quota) {
        return new Quota(
                quota.placement(),
                new Quota.Label(quota.name(), quota.description(), key),
                quota.ownership(),
                quota.figures(),
                quota.status(),
                quota.suspendedBy(),
                quota.version(),
                quota.createdAt(),
                quota.updatedAt(),
                quota.deletedAt());
    }

    private static Quota copy(
            Quota q,
            Quota.Placement placement,
            Quota.Ownership ownership,
            Quota.Figures figures,
            @Nullable String suspendedBy) {
        return new Quota(
                placement,
                q.label(),
                ownership,
                figures,
                q.status(),
                suspendedBy,
                q.version(),
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
        Context context = new Context(new UUID(0, 1), caller, KnownGrants.NONE, NOW, () -> "q_new", toldAuth);
        return ((RowOperation<C>) operation).decide(operation.commandType().cast(command), rows, context);
    }
}
