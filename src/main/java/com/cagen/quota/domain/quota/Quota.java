package com.cagen.quota.domain.quota;

import com.cagen.quota.protocol.QuotaStatus;
import com.cagen.quota.protocol.QuotaType;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A quota as its row holds it. Amounts are megabytes.
 *
 * @param status its own state, whatever its ancestors' is
 * @param suspendedBy the nearest suspended quota among itself and its ancestors, or null
 * @param version +1 for each change by an operation on this quota, 1 when created
 */
public record Quota(
        Placement placement,
        Label label,
        Ownership ownership,
        Figures figures,
        QuotaStatus status,
        @Nullable String suspendedBy,
        long version,
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

    /** How many living quotas below one are loaded at once at most. */
    public static final int MAX_BELOW = 1_000;

    /**
     * Where a quota is in its organization's trees.
     *
     * @param parentId null for a root
     * @param path {@code /root_id/…/id}
     * @param level 0 for a root
     * @param teamId the team of a {@link QuotaType#TEAM} quota, else null
     */
    public record Placement(
            String organizationId,
            String id,
            @Nullable String parentId,
            String path,
            int level,
            QuotaType type,
            @Nullable String teamId) {

        public static Placement root(String organizationId, String id, QuotaType type, @Nullable String teamId) {
            return new Placement(organizationId, id, null, "/" + id, 0, type, teamId);
        }

        /** Of a child of the quota that is here. */
        public Placement child(String childId, QuotaType childType, @Nullable String childTeamId) {
            return new Placement(organizationId, childId, id, path + "/" + childId, level + 1, childType, childTeamId);
        }
    }

    /**
     * What people and programs call a quota.
     *
     * @param key 1 to 63 of {@code a-z0-9-}, unique among its living siblings, or null
     */
    public record Label(
            String name,
            @Nullable String description,
            @Nullable String key) {}

    /**
     * Who owns a quota.
     *
     * @param ownerId the root's first owner, inherited by every quota below it
     * @param ownerIds who was made owner of this quota itself
     * @param inheritedOwnerIds who owns an ancestor, and so this quota as well; of a deleted quota, as it was when it was
     *     released
     * @param grantsVersion +1 whenever grants on this quota change: what was learnt from the auth service under another one is
     *     no longer worth anything
     */
    public record Ownership(String ownerId, List<String> ownerIds, List<String> inheritedOwnerIds, long grantsVersion) {

        /** Of a new root. */
        public static Ownership of(String ownerId) {
            return new Ownership(ownerId, List.of(ownerId), List.of(), 0);
        }

        /** Of a new child of the quota that is owned so. */
        public Ownership inherited() {
            return new Ownership(ownerId, List.of(), ownersBelow(), 0);
        }

        private List<String> ownersBelow() {
            Set<String> owners = new LinkedHashSet<>(ownerIds);
            owners.addAll(inheritedOwnerIds);
            return List.copyOf(owners);
        }

        private Ownership withGrantsVersion(long newGrantsVersion) {
            return new Ownership(ownerId, ownerIds, inheritedOwnerIds, newGrantsVersion);
        }
    }

    /**
     * How a quota's capacity is divided, in megabytes: {@code usedMb + allocatedMb + reservedMb <= totalMb}.
     *
     * @param reservedMb what reservations hold
     * @param reservationsDueAt no reservation expires before this moment; null when nothing is reserved. It may be too early, as
     *     it stays when the reservation that expires first is closed.
     * @param drainToMb the smaller total that a draining quota shrinks to, else null
     */
    public record Figures(
            long totalMb,
            long usedMb,
            long allocatedMb,
            long reservedMb,
            @Nullable Instant reservationsDueAt,
            @Nullable Long drainToMb) {

        /** Of a new quota. */
        public static Figures unused(long totalMb) {
            return new Figures(totalMb, 0, 0, 0, null, null);
        }

        /** The total that it has, or that it is to have once it is drained. */
        public long wantedMb() {
            return drainToMb == null ? totalMb : drainToMb;
        }

        /** What is used, allocated or reserved: the total cannot be smaller. */
        public long takenMb() {
            return usedMb + allocatedMb + reservedMb;
        }

        public long availableMb() {
            return totalMb - takenMb();
        }

        public Figures withUse(long newUsedMb, long newAllocatedMb) {
            return new Figures(totalMb, newUsedMb, newAllocatedMb, reservedMb, reservationsDueAt, drainToMb);
        }

        public Figures withTotal(long newTotalMb, @Nullable Long newDrainToMb) {
            return new Figures(newTotalMb, usedMb, allocatedMb, reservedMb, reservationsDueAt, newDrainToMb);
        }

        /** With more reserved, until {@code expiresAt} at most; also with the same as before, until another moment. */
        public Figures reserving(long moreMb, Instant expiresAt) {
            Instant dueAt =
                    reservationsDueAt == null || expiresAt.isBefore(reservationsDueAt) ? expiresAt : reservationsDueAt;
            return new Figures(totalMb, usedMb, allocatedMb, reservedMb + moreMb, dueAt, drainToMb);
        }

        /** With another moment before which no reservation expires; without one when nothing is reserved. */
        public Figures dueAt(@Nullable Instant moment) {
            return new Figures(totalMb, usedMb, allocatedMb, reservedMb, reservedMb == 0 ? null : moment, drainToMb);
        }

        /** With less reserved, of which {@code newlyUsedMb} is used from now on. */
        public Figures unreserving(long lessMb, long newlyUsedMb) {
            long leftMb = reservedMb - lessMb;
            Instant dueAt = leftMb == 0 ? null : reservationsDueAt;
            return new Figures(totalMb, usedMb + newlyUsedMb, allocatedMb, leftMb, dueAt, drainToMb);
        }
    }

    /** A new quota: active, unused, in its first version. */
    public static Quota created(Placement placement, Label label, Ownership ownership, long totalMb, Instant now) {
        return new Quota(
                placement, label, ownership, Figures.unused(totalMb), QuotaStatus.ACTIVE, null, 1, now, now, null);
    }

    public String organizationId() {
        return placement.organizationId;
    }

    public String id() {
        return placement.id;
    }

    /** Null for a root. */
    public @Nullable String parentId() {
        return placement.parentId;
    }

    public String path() {
        return placement.path;
    }

    public int level() {
        return placement.level;
    }

    public QuotaType type() {
        return placement.type;
    }

    public @Nullable String teamId() {
        return placement.teamId;
    }

    public String name() {
        return label.name;
    }

    public @Nullable String description() {
        return label.description;
    }

    public @Nullable String key() {
        return label.key;
    }

    public String ownerId() {
        return ownership.ownerId;
    }

    public List<String> ownerIds() {
        return ownership.ownerIds;
    }

    public List<String> inheritedOwnerIds() {
        return ownership.inheritedOwnerIds;
    }

    public long grantsVersion() {
        return ownership.grantsVersion;
    }

    public long totalMb() {
        return figures.totalMb;
    }

    public long usedMb() {
        return figures.usedMb;
    }

    public long allocatedMb() {
        return figures.allocatedMb;
    }

    public long reservedMb() {
        return figures.reservedMb;
    }

    public @Nullable Long drainToMb() {
        return figures.drainToMb;
    }

    /** As {@link Figures#wantedMb}. */
    public long wantedMb() {
        return figures.wantedMb();
    }

    public long availableMb() {
        return figures.availableMb();
    }

    public boolean deleted() {
        return status == QuotaStatus.DELETED;
    }

    /** Whether {@code userId} owns this quota or any of its ancestors. */
    public boolean ownedBy(String userId) {
        return ownership.ownerIds.contains(userId) || ownership.inheritedOwnerIds.contains(userId);
    }

    /** {@link QuotaStatus#SUSPENDED} when an ancestor is suspended, else its own state. */
    public QuotaStatus effectiveStatus() {
        return status == QuotaStatus.ACTIVE && suspendedBy != null ? QuotaStatus.SUSPENDED : status;
    }

    /** This quota after a change of what is used and allocated. */
    public Quota withFigures(long newUsedMb, long newAllocatedMb, Instant now) {
        return withFigures(figures.withUse(newUsedMb, newAllocatedMb), now);
    }

    /** This quota after a change: other figures, the next version. */
    public Quota withFigures(Figures newFigures, Instant now) {
        return new Quota(
                placement, label, ownership, newFigures, status, suspendedBy, version + 1, createdAt, now, deletedAt);
    }

    /** This quota after an update: another label, other figures, the next version. */
    public Quota updated(Label newLabel, Figures newFigures, Instant now) {
        return new Quota(
                placement,
                newLabel,
                ownership,
                newFigures,
                status,
                suspendedBy,
                version + 1,
                createdAt,
                now,
                deletedAt);
    }

    /** This quota as changes of its usage left it. */
    public Quota used(long newUsedMb, long newReservedMb, long newVersion, Instant newUpdatedAt) {
        Figures used =
                new Figures(figures.totalMb, newUsedMb, figures.allocatedMb, newReservedMb, null, figures.drainToMb);
        return new Quota(
                placement, label, ownership, used, status, suspendedBy, newVersion, createdAt, newUpdatedAt, deletedAt);
    }

    /** Whether reservations may have expired whose end is not recorded. */
    public boolean reservationsDue(Instant now) {
        return figures.reservationsDueAt != null && !figures.reservationsDueAt.isAfter(now);
    }

    /** This quota in the same version, as {@link Figures#dueAt}. */
    public Quota withReservationsDueAt(@Nullable Instant dueAt) {
        return new Quota(
                placement,
                label,
                ownership,
                figures.dueAt(dueAt),
                status,
                suspendedBy,
                version,
                createdAt,
                updatedAt,
                deletedAt);
    }

    /** Whether it differs from {@code before} in nothing but what usage changes: used, allocated, version and time. */
    public boolean differsInUseOnly(Quota before) {
        return differsInCapacityOnly(before)
                && figures.reservedMb == before.figures.reservedMb
                && Objects.equals(figures.reservationsDueAt, before.figures.reservationsDueAt);
    }

    /** As {@link #differsInUseOnly}, or in what reservations change as well. */
    public boolean differsInCapacityOnly(Quota before) {
        return ownership.equals(before.ownership)
                && label.equals(before.label)
                && status == before.status
                && Objects.equals(suspendedBy, before.suspendedBy)
                && figures.totalMb == before.figures.totalMb
                && Objects.equals(figures.drainToMb, before.figures.drainToMb)
                && placement.equals(before.placement)
                && Objects.equals(deletedAt, before.deletedAt);
    }

    /** This quota as a child of another one, whose owners and suspension it inherits. What was learnt of its grants is worthless. */
    public Quota movedBelow(Quota parent, Instant now) {
        return new Quota(
                parent.placement.child(id(), type(), teamId()),
                label,
                new Ownership(parent.ownerId(), ownerIds(), parent.ownersBelow(), grantsVersion() + 1),
                figures,
                status,
                status == QuotaStatus.SUSPENDED ? suspendedBy : parent.suspendedBy,
                version + 1,
                createdAt,
                now,
                deletedAt);
    }

    /** The root of its tree, which may be itself. */
    public String rootId() {
        return path().split("/", 3)[1];
    }

    /** Whether it is the other quota, or somewhere below it. */
    public boolean isWithin(Quota other) {
        return path().equals(other.path()) || path().startsWith(other.path() + "/");
    }

    /** This quota after a change of state. A deleted quota drains no more. */
    public Quota withStatus(QuotaStatus newStatus, @Nullable String newSuspendedBy, Instant now) {
        boolean deletes = newStatus == QuotaStatus.DELETED;
        return new Quota(
                placement,
                label,
                ownership,
                deletes ? figures.withTotal(figures.totalMb, null) : figures,
                newStatus,
                newSuspendedBy,
                version + 1,
                createdAt,
                now,
                deletes ? now : null);
    }

    /** This quota after a change of grants: other owners, the next version of both kinds. */
    public Quota withOwners(String newOwnerId, List<String> newOwnerIds, Instant now) {
        return with(new Ownership(newOwnerId, newOwnerIds, inheritedOwnerIds(), grantsVersion() + 1), version + 1, now);
    }

    /** This quota, unchanged but for what was learnt of its grants, which is worthless from now on. */
    public Quota withGrantsForgotten() {
        return with(ownership.withGrantsVersion(grantsVersion() + 1), version, updatedAt);
    }

    /** Who owns the quotas directly below this one through it: its own owners, then those of its ancestors. */
    public List<String> ownersBelow() {
        return ownership.ownersBelow();
    }

    /** This quota, with what its ancestors' rows say of its owners: no change of its own, so no version. */
    public Quota withInheritedOwners(List<String> newInheritedOwnerIds) {
        return with(new Ownership(ownerId(), ownerIds(), newInheritedOwnerIds, grantsVersion()), version, updatedAt);
    }

    private Quota with(Ownership newOwnership, long newVersion, Instant newUpdatedAt) {
        return new Quota(
                placement,
                label,
                newOwnership,
                figures,
                status,
                suspendedBy,
                newVersion,
                createdAt,
                newUpdatedAt,
                deletedAt);
    }
}
