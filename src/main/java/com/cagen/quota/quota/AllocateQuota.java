package com.cagen.quota.quota;

import com.cagen.quota.domain.Operation;
import com.cagen.quota.domain.Permission;
import com.cagen.quota.domain.Quota;
import com.cagen.quota.domain.QuotaStatus;
import com.cagen.quota.domain.QuotaType;
import com.cagen.quota.domain.Refusal;
import com.cagen.quota.domain.TreeRules;
import com.cagen.quota.storage.GrantRows;
import com.cagen.quota.storage.QuotaRows;
import io.vertx.core.Future;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Cuts a child out of a parent, under the parent's lock. */
final class AllocateQuota {
    private AllocateQuota() {}

    static Future<Step> run(Attempt attempt, Operation.AllocateQuota allocate) {
        return attempt.onQuota(Attempt.Rows.QUOTA_LOCKED, (parent, ignored) -> {
            Refusal refusal = TreeRules.allocate(parent, attempt.request().caller(), allocate);
            if (refusal != null) {
                return attempt.refuse(parent, refusal);
            }
            // Without a lock on the tree: allocations that run at the same moment may exceed the limit by their number.
            return QuotaRows.countTree(attempt.connection(), parent, Quota.MAX_TREE)
                    .compose(living -> {
                        Refusal full = TreeRules.grow(living);
                        return full == null ? insert(attempt, parent, allocate) : attempt.refuse(parent, full);
                    });
        });
    }

    private static Future<Step> insert(Attempt attempt, Quota parent, Operation.AllocateQuota allocate) {
        Quota child = child(attempt, parent, allocate);
        Quota after = parent.withFigures(parent.usedMb(), parent.allocatedMb() + allocate.allocateMb(), attempt.now());
        Set<String> admins = new LinkedHashSet<>(allocate.adminUserIds());
        return QuotaRows.insert(attempt.connection(), child)
                .compose(ignored -> attempt.connection().write(QuotaRows.figures(List.of(after), attempt.now())))
                .compose(ignored -> grantAll(attempt, child, admins))
                .compose(ignored -> attempt.register(child, List.copyOf(admins)))
                .compose(ignored -> attempt.done(
                        "Quota allocated.",
                        Render.quota(child),
                        Entries.applied(
                                attempt.pending().id,
                                attempt.request(),
                                child.id(),
                                parent.id(),
                                child.version(),
                                attempt.now(),
                                json -> json.put("parent_version", after.version())
                                        .put("parent_allocated_mb_before", parent.allocatedMb())
                                        .put("parent_allocated_mb_after", after.allocatedMb()))));
    }

    private static Quota child(Attempt attempt, Quota parent, Operation.AllocateQuota allocate) {
        String id = Ids.quota();
        return new Quota(
                parent.organizationId(),
                id,
                parent.id(),
                parent.path() + "/" + id,
                parent.level() + 1,
                allocate.name(),
                allocate.description(),
                allocate.quotaType(),
                allocate.quotaType() == QuotaType.TEAM ? allocate.targetId() : null,
                parent.ownerId(),
                List.of(),
                parent.ownersBelow(),
                allocate.allocateMb(),
                0,
                0,
                QuotaStatus.ACTIVE,
                null,
                1,
                0,
                attempt.now(),
                attempt.now(),
                null);
    }

    /** For listing at once; the auth service hears of it through its outbox. */
    private static Future<Void> grantAll(Attempt attempt, Quota child, Set<String> admins) {
        List<Permission> both = List.of(Permission.READ, Permission.ADMIN);
        List<Future<Void>> writes = admins.stream()
                .map(user -> GrantRows.write(attempt.connection(), child.organizationId(), child.id(), user, both))
                .toList();
        return writes.isEmpty() ? Future.succeededFuture() : Future.all(writes).mapEmpty();
    }
}
