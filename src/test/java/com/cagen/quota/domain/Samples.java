package com.cagen.quota.domain;

import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Rows and requests to try the rules with. */
final class Samples {
    static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
    static final String ORG = "org_1";

    private Samples() {}

    static Quota root(String id, long totalMb) {
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
    static Quota child(Quota parent, String id, long totalMb, @Nullable String teamId) {
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
    static Quota in(String organizationId, Quota quota) {
        return copy(quota, organizationId, quota.level(), quota.suspendedBy(), quota.grantsVersion());
    }

    static Quota atLevel(int level, Quota quota) {
        return copy(quota, quota.organizationId(), level, quota.suspendedBy(), quota.grantsVersion());
    }

    /** As suspending or resuming an ancestor leaves a row: another nearest suspended quota, nothing else. */
    static Quota suspendedBy(@Nullable String suspendedBy, Quota quota) {
        return copy(quota, quota.organizationId(), quota.level(), suspendedBy, quota.grantsVersion());
    }

    static Quota withGrantsVersion(long grantsVersion, Quota quota) {
        return copy(quota, quota.organizationId(), quota.level(), quota.suspendedBy(), grantsVersion);
    }

    private static Quota copy(
            Quota q, String organizationId, int level, @Nullable String suspendedBy, long grantsVersion) {
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
                q.ownerId(),
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

    static Caller caller(String userId) {
        return new Caller(ORG, userId, "svc", List.of("team_1"));
    }

    static Request request(Caller caller, @Nullable String idempotencyKey, Operation operation) {
        return new Request("req", caller, new Nonce("nonce", 0), idempotencyKey, operation);
    }

    static KnownGrants knows(Quota quota, Permission... granted) {
        return new KnownGrants(Map.of(quota.id(), new KnownGrants.Entry(Set.of(granted), quota.grantsVersion())));
    }

    static KnownGrants both(KnownGrants one, KnownGrants other) {
        Map<String, KnownGrants.Entry> all = new HashMap<>(one.byQuotaId());
        all.putAll(other.byQuotaId());
        return new KnownGrants(all);
    }
}
