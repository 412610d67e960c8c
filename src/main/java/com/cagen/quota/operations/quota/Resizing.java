package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.engine.operation.Change;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** What it takes to make a quota larger or smaller: its parent gives or gets the difference, in the same transaction. */
final class Resizing {
    private Resizing() {}

    /**
     * Adds both quotas and the audit entry to {@code change}.
     *
     * @param parent null of a root, which gets capacity from nowhere
     */
    static Change apply(Change change, Quota before, Quota after, @Nullable Quota parent, Instant now) {
        long moreMb = after.totalMb() - before.totalMb();
        Quota parentAfter = parent == null || moreMb == 0
                ? null
                : parent.withFigures(parent.usedMb(), parent.allocatedMb() + moreMb, now);
        change.quota(after);
        if (parentAfter != null) {
            change.quota(parentAfter);
        }
        return change.audit(after, true, figures -> {
            figures.put("total_mb_before", before.totalMb())
                    .put("total_mb_after", after.totalMb())
                    .put("drain_to_mb_before", before.drainToMb())
                    .put("drain_to_mb_after", after.drainToMb())
                    .put("used_mb", after.usedMb())
                    .put("reserved_mb", after.reservedMb())
                    .put("allocated_mb", after.allocatedMb())
                    .put("name_before", before.name())
                    .put("key_before", before.key());
            if (parent != null && parentAfter != null) {
                figures.put("parent_version", parentAfter.version())
                        .put("parent_allocated_mb_before", parent.allocatedMb())
                        .put("parent_allocated_mb_after", parentAfter.allocatedMb());
            }
        });
    }
}
