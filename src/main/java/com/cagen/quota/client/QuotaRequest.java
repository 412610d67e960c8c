package com.cagen.quota.client;

import com.cagen.quota.protocol.IncreaseStatus;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaStatus;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.protocol.ReservationStatus;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What can be asked of the quota service: one record for each operation. Amounts are megabytes from 1 to 9007199254740991; a
 * null means that the field is absent.
 *
 * @param <T> what a success answers
 */
public sealed interface QuotaRequest<T> {

    /** The operation's name, which {@code cagen.quota.v1.} makes an address of. */
    String operation();

    /** The fields of the message, without credential and key. */
    JsonObject fields();

    /** Reads the reply. */
    T answer(JsonObject data);

    /** Changes something: sent under an idempotency key. */
    sealed interface Change<T> extends QuotaRequest<T> {}

    /** Changes a quota, and answers it as it is then. */
    sealed interface QuotaChange extends Change<Quota> {
        @Override
        default Quota answer(JsonObject data) {
            return Quota.of(data);
        }
    }

    /** A root quota. {@code teamId} is one of the user's teams, for a team's quota only. */
    record CreateQuota(
            String name,
            @Nullable String description,
            QuotaType type,
            long totalMb,
            @Nullable String teamId) implements QuotaChange {
        public CreateQuota(String name, QuotaType type, long totalMb) {
            this(name, null, type, totalMb, null);
        }

        @Override
        public String operation() {
            return "quota.create";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("name", name)
                    .put("description", description)
                    .put("type", type.wireName())
                    .put("total_mb", totalMb)
                    .put("team_id", teamId);
        }
    }

    /** A child, cut out of its parent. {@code targetId} is a team's id, or the organization's own. */
    record AllocateQuota(
            String parentQuotaId,
            String name,
            @Nullable String description,
            long allocateMb,
            QuotaType type,
            @Nullable String targetId,
            List<String> adminUserIds)
            implements QuotaChange {
        public AllocateQuota {
            adminUserIds = List.copyOf(adminUserIds);
        }

        public AllocateQuota(
                String parentQuotaId, String name, long allocateMb, QuotaType type, @Nullable String targetId) {
            this(parentQuotaId, name, null, allocateMb, type, targetId, List.of());
        }

        @Override
        public String operation() {
            return "quota.allocate";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("parent_quota_id", parentQuotaId)
                    .put("name", name)
                    .put("description", description)
                    .put("allocate_mb", allocateMb)
                    .put("type", type.wireName())
                    .put("target_id", targetId)
                    .put("admin_user_ids", new JsonArray(adminUserIds));
        }
    }

    /** Gives an empty quota back to its parent. */
    record ReleaseQuota(String quotaId) implements QuotaChange {
        @Override
        public String operation() {
            return "quota.release";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject().put("quota_id", quotaId);
        }
    }

    record SuspendQuota(String quotaId, @Nullable String reason) implements QuotaChange {
        @Override
        public String operation() {
            return "quota.suspend";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject().put("quota_id", quotaId).put("reason", reason);
        }
    }

    record ResumeQuota(String quotaId, @Nullable String reason) implements QuotaChange {
        @Override
        public String operation() {
            return "quota.resume";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject().put("quota_id", quotaId).put("reason", reason);
        }
    }

    /**
     * Changes what it is told to; everything else stays. For example {@code new UpdateQuota(id).name("new").totalMb(200)}.
     *
     * @param changes the fields by their names; a null clears the field
     */
    record UpdateQuota(String quotaId, Map<String, @Nullable Object> changes) implements QuotaChange {
        public UpdateQuota(String quotaId) {
            this(quotaId, Map.of());
        }

        private UpdateQuota with(String field, @Nullable Object value) {
            Map<String, @Nullable Object> all = new LinkedHashMap<>(changes);
            all.put(field, value);
            return new UpdateQuota(quotaId, Collections.unmodifiableMap(all));
        }

        public UpdateQuota name(String name) {
            return with("name", name);
        }

        /** Null clears it. */
        public UpdateQuota description(@Nullable String description) {
            return with("description", description);
        }

        /** 1 to 63 of {@code a-z0-9-}; null clears it. */
        public UpdateQuota key(@Nullable String key) {
            return with("key", key);
        }

        public UpdateQuota totalMb(long totalMb) {
            return with("total_mb", totalMb);
        }

        /** True: a total below what is taken is reached as that is freed. False: ends draining. */
        public UpdateQuota drain(boolean drain) {
            return with("drain", drain);
        }

        /** Refuses the update when the quota has another version by then. */
        public UpdateQuota ifVersion(long expectedVersion) {
            return with("expected_version", expectedVersion);
        }

        @Override
        public String operation() {
            return "quota.update";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject(new LinkedHashMap<>(changes)).put("quota_id", quotaId);
        }
    }

    /** Gives a quota, with everything below it, another parent. */
    record MoveQuota(String quotaId, String parentQuotaId) implements QuotaChange {
        @Override
        public String operation() {
            return "quota.move";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject().put("quota_id", quotaId).put("parent_quota_id", parentQuotaId);
        }
    }

    /**
     * Makes a quota and what is below it as it is described.
     *
     * @param prune whether children that are not described are released
     * @param dryRun whether it is only said what would happen
     * @param expectedPlan refuses when the plan has another name; null for any
     */
    record ApplyTree(
            String quotaId,
            QuotaTree tree,
            boolean prune,
            boolean dryRun,
            @Nullable String expectedPlan) implements Change<TreeChange> {
        public ApplyTree(String quotaId, QuotaTree tree) {
            this(quotaId, tree, false, false, null);
        }

        @Override
        public String operation() {
            return "quota.apply";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("quota_id", quotaId)
                    .put("tree", tree.toJson())
                    .put("prune", prune)
                    .put("dry_run", dryRun)
                    .put("expected_plan", expectedPlan);
        }

        @Override
        public TreeChange answer(JsonObject data) {
            return TreeChange.of(data);
        }
    }

    /** Describes a quota and what is below it. */
    record ExportTree(String quotaId) implements QuotaRequest<ExportedTree> {
        @Override
        public String operation() {
            return "quota.export";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject().put("quota_id", quotaId);
        }

        @Override
        public ExportedTree answer(JsonObject data) {
            return ExportedTree.of(data);
        }
    }

    /** Moves capacity to a sibling, whatever their parent has left. */
    record TransferQuota(String quotaId, String toQuotaId, long transferMb) implements Change<QuotaTransfer> {
        @Override
        public String operation() {
            return "quota.transfer";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("quota_id", quotaId)
                    .put("to_quota_id", toQuotaId)
                    .put("transfer_mb", transferMb);
        }

        @Override
        public QuotaTransfer answer(JsonObject data) {
            return QuotaTransfer.of(data);
        }
    }

    /** @param at a moment of the past, to see the quota as it was then; null for today */
    record GetQuota(String quotaId, @Nullable Instant at) implements QuotaRequest<Quota> {
        public GetQuota(String quotaId) {
            this(quotaId, null);
        }

        @Override
        public String operation() {
            return "quota.get";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject().put("quota_id", quotaId).put("at", at);
        }

        @Override
        public Quota answer(JsonObject data) {
            return Quota.of(data);
        }
    }

    /**
     * {@code page} counts from 1; {@code pageSize} is 1 to 100.
     *
     * @param text part of a name or a key, in any case
     * @param sort {@code created_at}, {@code name} or {@code utilization}, with {@code -} in front for descending; null: oldest first
     */
    record ListQuotas(
            int page,
            int pageSize,
            @Nullable QuotaType type,
            @Nullable QuotaStatus status,
            @Nullable String teamId,
            @Nullable String parentQuotaId,
            @Nullable String text,
            @Nullable String sort)
            implements QuotaRequest<QuotaPage> {
        public ListQuotas(int page, int pageSize) {
            this(page, pageSize, null, null, null, null, null, null);
        }

        @Override
        public String operation() {
            return "quota.list";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("page", page)
                    .put("page_size", pageSize)
                    .put("type", type == null ? null : type.wireName())
                    .put("status", status == null ? null : status.wireName())
                    .put("team_id", teamId)
                    .put("parent_quota_id", parentQuotaId)
                    .put("q", text)
                    .put("sort", sort);
        }

        @Override
        public QuotaPage answer(JsonObject data) {
            return QuotaPage.of(data);
        }
    }

    /**
     * The quota and what is below it. {@code depth} is 1 to 16 levels below the quota, null for all; {@code cursor} is an earlier
     * page's; {@code limit} is 1 to 1000.
     */
    record ListTree(
            String quotaId,
            @Nullable Integer depth,
            @Nullable String cursor,
            int limit) implements QuotaRequest<TreePage> {
        @Override
        public String operation() {
            return "quota.tree";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("quota_id", quotaId)
                    .put("depth", depth)
                    .put("cursor", cursor)
                    .put("limit", limit);
        }

        @Override
        public TreePage answer(JsonObject data) {
            return TreePage.of(data);
        }
    }

    /**
     * Lets a resource use capacity.
     *
     * @param minMb when the quota has less available than {@code usageMb}, use what there is, but at least this much; null uses all
     *     of {@code usageMb} or is refused
     */
    record AllocateUsage(
            String quotaId,
            String resourceId,
            long usageMb,
            @Nullable String reason,
            @Nullable Long minMb) implements Change<Usage> {
        public AllocateUsage(String quotaId, String resourceId, long usageMb) {
            this(quotaId, resourceId, usageMb, null, null);
        }

        public AllocateUsage(String quotaId, String resourceId, long usageMb, @Nullable String reason) {
            this(quotaId, resourceId, usageMb, reason, null);
        }

        @Override
        public String operation() {
            return "usage.allocate";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("quota_id", quotaId)
                    .put("resource_id", resourceId)
                    .put("usage_mb", usageMb)
                    .put("reason", reason)
                    .put("mode", minMb == null ? null : "best_effort")
                    .put("min_mb", minMb);
        }

        @Override
        public Usage answer(JsonObject data) {
            return Usage.of(data);
        }
    }

    /** Asks whether a resource could use capacity at this moment, and changes nothing. */
    record CheckUsage(String quotaId, String resourceId, long usageMb) implements QuotaRequest<UsageCheck> {
        @Override
        public String operation() {
            return "usage.allocate";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("quota_id", quotaId)
                    .put("resource_id", resourceId)
                    .put("usage_mb", usageMb)
                    .put("mode", "check");
        }

        @Override
        public UsageCheck answer(JsonObject data) {
            return UsageCheck.of(data);
        }
    }

    /** Gives capacity back, never more than the resource holds on this quota. */
    record DeallocateUsage(
            String quotaId,
            String resourceId,
            long usageMb,
            @Nullable String reason) implements Change<Usage> {
        public DeallocateUsage(String quotaId, String resourceId, long usageMb) {
            this(quotaId, resourceId, usageMb, null);
        }

        @Override
        public String operation() {
            return "usage.deallocate";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("quota_id", quotaId)
                    .put("resource_id", resourceId)
                    .put("usage_mb", usageMb)
                    .put("reason", reason);
        }

        @Override
        public Usage answer(JsonObject data) {
            return Usage.of(data);
        }
    }

    /** Moves what a resource holds to another quota, another resource ({@code toResourceId}; null is the same one), or both. */
    record TransferUsage(
            String quotaId,
            String resourceId,
            long usageMb,
            String toQuotaId,
            @Nullable String toResourceId) implements Change<UsageTransfer> {
        @Override
        public String operation() {
            return "usage.transfer";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("quota_id", quotaId)
                    .put("resource_id", resourceId)
                    .put("usage_mb", usageMb)
                    .put("to_quota_id", toQuotaId)
                    .put("to_resource_id", toResourceId);
        }

        @Override
        public UsageTransfer answer(JsonObject data) {
            return UsageTransfer.of(data);
        }
    }

    /**
     * Many changes of usage, in order: 1 to 100. {@code atomic} refuses all of them with the first refusal; otherwise each is done
     * or refused for itself.
     */
    record BatchUsage(boolean atomic, List<Item> items) implements Change<UsageBatch> {
        /** One change; {@code allocate} or {@code deallocate}. */
        public record Item(
                String operation,
                String quotaId,
                String resourceId,
                long usageMb,
                @Nullable String reason) {
            public static Item allocate(String quotaId, String resourceId, long usageMb) {
                return new Item("allocate", quotaId, resourceId, usageMb, null);
            }

            public static Item deallocate(String quotaId, String resourceId, long usageMb) {
                return new Item("deallocate", quotaId, resourceId, usageMb, null);
            }

            private JsonObject fields() {
                return new JsonObject()
                        .put("operation", operation)
                        .put("quota_id", quotaId)
                        .put("resource_id", resourceId)
                        .put("usage_mb", usageMb)
                        .put("reason", reason);
            }
        }

        public BatchUsage {
            items = List.copyOf(items);
        }

        @Override
        public String operation() {
            return "usage.batch";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("atomic", atomic)
                    .put("items", new JsonArray(items.stream().map(Item::fields).toList()));
        }

        @Override
        public UsageBatch answer(JsonObject data) {
            return UsageBatch.of(data);
        }
    }

    /**
     * Sets what resources are recorded to hold to what was observed: 1 to 1000 resources, with 0 or more megabytes each.
     *
     * @param complete whether resources that are not named hold nothing
     * @param asOf when it was observed: what happened later is added; null for now
     * @param dryRun whether to say only what would happen
     */
    record ReconcileUsage(
            String quotaId,
            Map<String, Long> observed,
            boolean complete,
            @Nullable Instant asOf,
            boolean dryRun) implements Change<Reconciliation> {
        public ReconcileUsage {
            observed = Collections.unmodifiableMap(new LinkedHashMap<>(observed));
        }

        public ReconcileUsage(String quotaId, Map<String, Long> observed) {
            this(quotaId, observed, false, null, false);
        }

        @Override
        public String operation() {
            return "usage.reconcile";
        }

        @Override
        public JsonObject fields() {
            JsonArray resources = new JsonArray();
            observed.forEach((resourceId, usageMb) -> resources.add(
                    new JsonObject().put("resource_id", resourceId).put("usage_mb", usageMb)));
            return new JsonObject()
                    .put("quota_id", quotaId)
                    .put("observed", resources)
                    .put("complete", complete)
                    .put("as_of", asOf == null ? null : asOf.toString())
                    .put("dry_run", dryRun);
        }

        @Override
        public Reconciliation answer(JsonObject data) {
            return Reconciliation.of(data);
        }
    }

    /** Changes a reservation, and answers it as it is then. */
    sealed interface ReservationChange extends Change<Reservation> {
        @Override
        default Reservation answer(JsonObject data) {
            return Reservation.of(data);
        }
    }

    /** Holds capacity for a resource. {@code ttlSeconds} is 1 to 86400; null is 300. */
    record CreateReservation(
            String quotaId,
            String resourceId,
            long reserveMb,
            @Nullable Long ttlSeconds,
            @Nullable String reason) implements ReservationChange {
        public CreateReservation(String quotaId, String resourceId, long reserveMb, long ttlSeconds) {
            this(quotaId, resourceId, reserveMb, ttlSeconds, null);
        }

        @Override
        public String operation() {
            return "reservation.create";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("quota_id", quotaId)
                    .put("resource_id", resourceId)
                    .put("reserve_mb", reserveMb)
                    .put("ttl_seconds", ttlSeconds)
                    .put("reason", reason);
        }
    }

    /** Makes what is reserved, or {@code usageMb} of it, usage of the resource; the rest is free again. */
    record CommitReservation(
            String quotaId, String reservationId, @Nullable Long usageMb) implements ReservationChange {
        public CommitReservation(String quotaId, String reservationId) {
            this(quotaId, reservationId, null);
        }

        @Override
        public String operation() {
            return "reservation.commit";
        }

        @Override
        public JsonObject fields() {
            return named(quotaId, reservationId).put("usage_mb", usageMb);
        }
    }

    /** Gives back what is reserved. */
    record CancelReservation(String quotaId, String reservationId) implements ReservationChange {
        @Override
        public String operation() {
            return "reservation.cancel";
        }

        @Override
        public JsonObject fields() {
            return named(quotaId, reservationId);
        }
    }

    /** Has a reservation expire {@code ttlSeconds}, 1 to 86400, from now. */
    record ExtendReservation(String quotaId, String reservationId, long ttlSeconds) implements ReservationChange {
        @Override
        public String operation() {
            return "reservation.extend";
        }

        @Override
        public JsonObject fields() {
            return named(quotaId, reservationId).put("ttl_seconds", ttlSeconds);
        }
    }

    record GetReservation(String quotaId, String reservationId) implements QuotaRequest<Reservation> {
        @Override
        public String operation() {
            return "reservation.get";
        }

        @Override
        public JsonObject fields() {
            return named(quotaId, reservationId);
        }

        @Override
        public Reservation answer(JsonObject data) {
            return Reservation.of(data);
        }
    }

    private static JsonObject named(String quotaId, String reservationId) {
        return new JsonObject().put("quota_id", quotaId).put("reservation_id", reservationId);
    }

    /** Oldest first. {@code status} and {@code resourceId} are null for all; {@code cursor} is an earlier page's. */
    record ListReservations(
            String quotaId,
            @Nullable ReservationStatus status,
            @Nullable String resourceId,
            @Nullable String cursor,
            int limit)
            implements QuotaRequest<ReservationPage> {
        public ListReservations(String quotaId, @Nullable String cursor, int limit) {
            this(quotaId, null, null, cursor, limit);
        }

        @Override
        public String operation() {
            return "reservation.list";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("quota_id", quotaId)
                    .put("status", status == null ? null : status.wireName())
                    .put("resource_id", resourceId)
                    .put("cursor", cursor)
                    .put("limit", limit);
        }

        @Override
        public ReservationPage answer(JsonObject data) {
            return ReservationPage.of(data);
        }
    }

    /** Changes a request for a larger quota, and answers it as it is then. */
    sealed interface IncreaseChange extends Change<Increase> {
        @Override
        default Increase answer(JsonObject data) {
            return Increase.of(data);
        }
    }

    /** Asks for a larger quota: {@code totalMb} is what it is to have. */
    record CreateIncrease(String quotaId, long totalMb, String reason) implements IncreaseChange {
        @Override
        public String operation() {
            return "increase.create";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("quota_id", quotaId)
                    .put("total_mb", totalMb)
                    .put("reason", reason);
        }
    }

    /** Gives the quota what was asked for. */
    record ApproveIncrease(String increaseId, @Nullable String reason) implements IncreaseChange {
        @Override
        public String operation() {
            return "increase.approve";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject().put("increase_id", increaseId).put("reason", reason);
        }
    }

    /** Refuses what was asked for. */
    record RejectIncrease(String increaseId, @Nullable String reason) implements IncreaseChange {
        @Override
        public String operation() {
            return "increase.reject";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject().put("increase_id", increaseId).put("reason", reason);
        }
    }

    /** Takes the request back. */
    record WithdrawIncrease(String increaseId, @Nullable String reason) implements IncreaseChange {
        @Override
        public String operation() {
            return "increase.withdraw";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject().put("increase_id", increaseId).put("reason", reason);
        }
    }

    record GetIncrease(String increaseId) implements QuotaRequest<Increase> {
        @Override
        public String operation() {
            return "increase.get";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject().put("increase_id", increaseId);
        }

        @Override
        public Increase answer(JsonObject data) {
            return Increase.of(data);
        }
    }

    /**
     * The user's own requests, and those that the user may decide about. {@code status} and {@code quotaId} are null for all; {@code
     * cursor} is an earlier page's.
     */
    record ListIncreases(
            @Nullable IncreaseStatus status,
            @Nullable String quotaId,
            @Nullable String cursor,
            int limit) implements QuotaRequest<IncreasePage> {
        @Override
        public String operation() {
            return "increase.list";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("status", status == null ? null : status.wireName())
                    .put("quota_id", quotaId)
                    .put("cursor", cursor)
                    .put("limit", limit);
        }

        @Override
        public IncreasePage answer(JsonObject data) {
            return IncreasePage.of(data);
        }
    }

    /**
     * Asks for a quota's usage over time.
     *
     * @param from inclusive; null: a day before {@code to}
     * @param to exclusive; null: the end of the current minute
     * @param buckets 1 to 500
     */
    record UsageOverTime(
            String quotaId,
            @Nullable Instant from,
            @Nullable Instant to,
            int buckets) implements QuotaRequest<UsageTimeline> {
        @Override
        public String operation() {
            return "usage.series";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("quota_id", quotaId)
                    .put("from", from)
                    .put("to", to)
                    .put("buckets", buckets);
        }

        @Override
        public UsageTimeline answer(JsonObject data) {
            return UsageTimeline.of(data);
        }
    }

    /**
     * {@code from} is inclusive, {@code to} exclusive; {@code cursor} is an earlier page's; {@code limit} is 1 to 100. Oldest
     * first unless {@code newestFirst}.
     */
    record UsageHistory(
            String quotaId,
            @Nullable String resourceId,
            @Nullable Instant from,
            @Nullable Instant to,
            @Nullable String cursor,
            int limit,
            boolean newestFirst)
            implements QuotaRequest<LedgerPage> {
        public UsageHistory(String quotaId, @Nullable String cursor, int limit) {
            this(quotaId, null, null, null, cursor, limit, false);
        }

        @Override
        public String operation() {
            return "usage.history";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("quota_id", quotaId)
                    .put("resource_id", resourceId)
                    .put("from", from)
                    .put("to", to)
                    .put("cursor", cursor)
                    .put("limit", limit)
                    .put("order", newestFirst ? "desc" : "asc");
        }

        @Override
        public LedgerPage answer(JsonObject data) {
            return LedgerPage.of(data);
        }
    }

    /** What resources hold. {@code page} counts from 1; {@code pageSize} is 1 to 100. */
    record ListRuntimes(int page, int pageSize) implements QuotaRequest<RuntimePage> {
        @Override
        public String operation() {
            return "usage.runtimes";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject().put("page", page).put("page_size", pageSize);
        }

        @Override
        public RuntimePage answer(JsonObject data) {
            return RuntimePage.of(data);
        }
    }

    /** @param expiresAt until when these are granted, not for owner; null: until they are revoked */
    record GrantPermission(
            String quotaId,
            String targetUserId,
            List<Permission> permissions,
            @Nullable Instant expiresAt) implements Change<HeldPermissions> {
        public GrantPermission {
            permissions = List.copyOf(permissions);
        }

        public GrantPermission(String quotaId, String targetUserId, List<Permission> permissions) {
            this(quotaId, targetUserId, permissions, null);
        }

        @Override
        public String operation() {
            return "permission.grant";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("quota_id", quotaId)
                    .put("target_user_id", targetUserId)
                    .put("permissions", names(permissions))
                    .put("expires_at", expiresAt);
        }

        @Override
        public HeldPermissions answer(JsonObject data) {
            return HeldPermissions.of(data);
        }
    }

    record RevokePermission(String quotaId, String targetUserId, List<Permission> permissions)
            implements Change<HeldPermissions> {
        public RevokePermission {
            permissions = List.copyOf(permissions);
        }

        @Override
        public String operation() {
            return "permission.revoke";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("quota_id", quotaId)
                    .put("target_user_id", targetUserId)
                    .put("permissions", names(permissions));
        }

        @Override
        public HeldPermissions answer(JsonObject data) {
            return HeldPermissions.of(data);
        }
    }

    /** Who has access to a quota. {@code cursor} is an earlier page's; {@code limit} is 1 to 1000. */
    record ListPermissions(String quotaId, @Nullable String cursor, int limit) implements QuotaRequest<PermissionPage> {
        @Override
        public String operation() {
            return "permission.list";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("quota_id", quotaId)
                    .put("cursor", cursor)
                    .put("limit", limit);
        }

        @Override
        public PermissionPage answer(JsonObject data) {
            return PermissionPage.of(data);
        }
    }

    /** {@code action} is an operation's name or {@code credential.use}; the rest is as for {@link UsageHistory}. */
    record ListAudit(
            String quotaId,
            @Nullable String action,
            @Nullable String actor,
            @Nullable Instant from,
            @Nullable Instant to,
            @Nullable String cursor,
            int limit,
            boolean newestFirst)
            implements QuotaRequest<AuditPage> {
        public ListAudit(String quotaId, @Nullable String cursor, int limit) {
            this(quotaId, null, null, null, null, cursor, limit, false);
        }

        @Override
        public String operation() {
            return "audit.list";
        }

        @Override
        public JsonObject fields() {
            return new JsonObject()
                    .put("quota_id", quotaId)
                    .put("action", action)
                    .put("actor", actor)
                    .put("from", from)
                    .put("to", to)
                    .put("cursor", cursor)
                    .put("limit", limit)
                    .put("order", newestFirst ? "desc" : "asc");
        }

        @Override
        public AuditPage answer(JsonObject data) {
            return AuditPage.of(data);
        }
    }

    private static JsonArray names(List<Permission> permissions) {
        return new JsonArray(permissions.stream().map(Permission::wireName).toList());
    }
}
