package com.cagen.quota.domain;

import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A quota as its row holds it. Amounts are megabytes.
 *
 * @param path {@code /root_id/…/id}
 * @param level 0 for a root
 * @param ownerId the root's first owner, inherited by every quota below it
 * @param ownerIds who was made owner of this quota itself
 * @param inheritedOwnerIds who owns an ancestor, and so this quota as well; of a deleted quota, as it was when it was released
 * @param teamId the team of a {@link QuotaType#TEAM} quota, else null
 * @param status its own state, whatever its ancestors' is
 * @param suspendedBy the nearest suspended quota among itself and its ancestors, or null
 * @param version +1 for each change by an operation on this quota, 1 when created
 * @param grantsVersion +1 whenever grants on this quota change: what was learnt from the auth service under another one is
 *     no longer worth anything
 */
public record Quota(
        String organizationId,
        String id,
        @Nullable String parentId,
        String path,
        int level,
        String name,
        @Nullable String description,
        QuotaType type,
        @Nullable String teamId,
        String ownerId,
        List<String> ownerIds,
        List<String> inheritedOwnerIds,
        long totalMb,
        long usedMb,
        long allocatedMb,
        QuotaStatus status,
        @Nullable String suspendedBy,
        long version,
        long grantsVersion,
        Instant createdAt,
        Instant updatedAt,
        @Nullable Instant deletedAt) {

    /** The deepest level there may be: 16 levels, counted from 0. */
    public static final int MAX_LEVEL = 15;

    /**
     * How many living quotas a tree may grow to. Suspending, resuming and changing owners lock and write everything below, so
     * this bounds how long they keep others waiting.
     */
    public static final int MAX_TREE = 10_000;

    public long availableMb() {
        return totalMb - usedMb - allocatedMb;
    }

    public boolean deleted() {
        return status == QuotaStatus.DELETED;
    }

    /** Whether {@code userId} owns this quota or any of its ancestors. */
    public boolean ownedBy(String userId) {
        return ownerIds.contains(userId) || inheritedOwnerIds.contains(userId);
    }

    /** {@link QuotaStatus#SUSPENDED} when an ancestor is suspended, else its own state. */
    public QuotaStatus effectiveStatus() {
        return status == QuotaStatus.ACTIVE && suspendedBy != null ? QuotaStatus.SUSPENDED : status;
    }

    /** This quota after a change: other figures, the next version. */
    public Quota withFigures(long newUsedMb, long newAllocatedMb, Instant now) {
        return copy(
                ownerId,
                ownerIds,
                inheritedOwnerIds,
                newUsedMb,
                newAllocatedMb,
                status,
                suspendedBy,
                version + 1,
                grantsVersion,
                now,
                deletedAt);
    }

    /** This quota with another's figures, version and time: what usage changes. */
    public Quota withFiguresOf(Quota other) {
        return copy(
                ownerId,
                ownerIds,
                inheritedOwnerIds,
                other.usedMb,
                other.allocatedMb,
                status,
                suspendedBy,
                other.version,
                grantsVersion,
                other.updatedAt,
                deletedAt);
    }

    /** This quota after a change of state. */
    public Quota withStatus(QuotaStatus newStatus, @Nullable String newSuspendedBy, Instant now) {
        return copy(
                ownerId,
                ownerIds,
                inheritedOwnerIds,
                usedMb,
                allocatedMb,
                newStatus,
                newSuspendedBy,
                version + 1,
                grantsVersion,
                now,
                newStatus == QuotaStatus.DELETED ? now : null);
    }

    /** This quota after a change of grants: other owners, the next version of both kinds. */
    public Quota withOwners(String newOwnerId, List<String> newOwnerIds, Instant now) {
        return copy(
                newOwnerId,
                newOwnerIds,
                inheritedOwnerIds,
                usedMb,
                allocatedMb,
                status,
                suspendedBy,
                version + 1,
                grantsVersion + 1,
                now,
                deletedAt);
    }

    /** This quota, unchanged but for what was learnt of its grants, which is worthless from now on. */
    public Quota withGrantsForgotten() {
        return copy(
                ownerId,
                ownerIds,
                inheritedOwnerIds,
                usedMb,
                allocatedMb,
                status,
                suspendedBy,
                version,
                grantsVersion + 1,
                updatedAt,
                deletedAt);
    }

    /** Who owns the quotas directly below this one through it: its own owners, then those of its ancestors. */
    public List<String> ownersBelow() {
        Set<String> owners = new LinkedHashSet<>(ownerIds);
        owners.addAll(inheritedOwnerIds);
        return List.copyOf(owners);
    }

    /** This quota, with what its ancestors' rows say of its owners: no change of its own, so no version. */
    public Quota withInheritedOwners(List<String> newInheritedOwnerIds) {
        return copy(
                ownerId,
                ownerIds,
                newInheritedOwnerIds,
                usedMb,
                allocatedMb,
                status,
                suspendedBy,
                version,
                grantsVersion,
                updatedAt,
                deletedAt);
    }

    /** With everything that can change; the rest never does. */
    private Quota copy(
            String newOwnerId,
            List<String> newOwnerIds,
            List<String> newInheritedOwnerIds,
            long newUsedMb,
            long newAllocatedMb,
            QuotaStatus newStatus,
            @Nullable String newSuspendedBy,
            long newVersion,
            long newGrantsVersion,
            Instant newUpdatedAt,
            @Nullable Instant newDeletedAt) {
        return new Quota(
                organizationId,
                id,
                parentId,
                path,
                level,
                name,
                description,
                type,
                teamId,
                newOwnerId,
                newOwnerIds,
                newInheritedOwnerIds,
                totalMb,
                newUsedMb,
                newAllocatedMb,
                newStatus,
                newSuspendedBy,
                newVersion,
                newGrantsVersion,
                createdAt,
                newUpdatedAt,
                newDeletedAt);
    }
}
