package com.cagen.quota.engine;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.protocol.Permission;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The member {@code changes} of an audit entry: what was different, before and after, of each quota that got a new version. What
 * follows from other attributes, such as the path, is left out.
 */
final class QuotaChangeJson {
    private QuotaChangeJson() {}

    /** @param nameResources whether to say which resource {@code held_mb} is about; else it is the one that was asked about */
    static void write(List<QuotaChange> changes, boolean nameResources, JsonText json) {
        List<QuotaChange> versions =
                changes.stream().filter(change -> change.newVersion() != null).toList();
        json.objects("changes", versions, (change, item) -> {
            Quota before = change.before();
            item.put("quota_id", change.after().id())
                    .put("version", change.after().version());
            QuotaChange.Reserved reserved = change.reserved();
            if (reserved != null) {
                item.put("resource_id", reserved.after().resourceId());
                item.put("reservation_id", reserved.after().id());
            } else if (nameResources && change.held() != null) {
                item.put("resource_id", change.held().resourceId());
            }
            if (before == null) {
                item.put("before", (String) null);
            } else {
                item.object("before", fields -> writeBefore(before, change, fields));
            }
            item.object("after", fields -> writeAfter(change, fields));
        });
    }

    private static void writeBefore(Quota before, QuotaChange change, JsonText json) {
        writeDifferent(before, change.after(), json);
        if (change.held() != null) {
            json.put("held_mb", change.held().beforeMb());
        }
        if (change.reserved() != null && change.reserved().before() != null) {
            writeReservation(change.reserved().before(), json);
        }
        change.granted().forEach(granted -> writeGranted(granted.before(), granted.after(), json));
    }

    private static void writeAfter(QuotaChange change, JsonText json) {
        writeDifferent(change.after(), change.before(), json);
        if (change.held() != null) {
            json.put("held_mb", change.held().afterMb());
        }
        if (change.reserved() != null) {
            writeReservation(change.reserved().after(), json);
        }
        if (change.before() != null) { // whom a new quota is granted to, was asked for by name
            change.granted().forEach(granted -> writeGranted(granted.after(), granted.before(), json));
        }
    }

    /**
     * The attributes of {@code quota} that are not the same in {@code other}; all that there are, without another one. What is used
     * and what is reserved are always named together.
     */
    private static void writeDifferent(Quota quota, @Nullable Quota other, JsonText json) {
        if (other == null || !quota.name().equals(other.name())) {
            json.put("name", quota.name());
        }
        if (!Objects.equals(quota.key(), other == null ? null : other.key())) {
            json.put("key", quota.key());
        }
        if (!Objects.equals(quota.description(), other == null ? null : other.description())) {
            json.cutText("description", quota.description());
        }
        if (other == null || quota.totalMb() != other.totalMb()) {
            json.put("total_mb", quota.totalMb());
        }
        if (other == null || quota.usedMb() != other.usedMb() || quota.reservedMb() != other.reservedMb()) {
            json.put("used_mb", quota.usedMb()).put("reserved_mb", quota.reservedMb());
        }
        if (other == null || quota.allocatedMb() != other.allocatedMb()) {
            json.put("allocated_mb", quota.allocatedMb());
        }
        Long drainToMb = quota.drainToMb();
        if (!Objects.equals(drainToMb, other == null ? null : other.drainToMb())) {
            json.put("drain_to_mb", drainToMb);
        }
        if (other == null || quota.status() != other.status()) {
            json.put("status", quota.status().wireName());
        }
        if (!Objects.equals(quota.parentId(), other == null ? null : other.parentId())) {
            json.put("parent_quota_id", quota.parentId());
        }
        if (other == null || !quota.ownerIds().equals(other.ownerIds())) {
            json.cutStrings("owner_ids", quota.ownerIds());
        }
    }

    private static void writeReservation(Reservation reservation, JsonText json) {
        json.object("reservation", fields -> {
            fields.put("status", reservation.status().wireName()).put("reserved_mb", reservation.reservedMb());
            if (reservation.committedMb() > 0) {
                fields.put("committed_mb", reservation.committedMb());
            }
            fields.put("expires_at", reservation.expiresAt());
        });
    }

    private static void writeGranted(Set<Permission> granted, Set<Permission> other, JsonText json) {
        if (!granted.equals(other)) {
            json.strings(
                    "granted",
                    granted.stream().sorted().map(Permission::wireName).toList());
        }
    }
}
