package com.cagen.quota.engine;

import com.cagen.quota.domain.quota.Increase;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.SystemOperation;
import com.cagen.quota.operations.increase.ApproveIncrease;
import com.cagen.quota.operations.increase.CreateIncrease;
import com.cagen.quota.operations.increase.RejectIncrease;
import com.cagen.quota.operations.increase.WithdrawIncrease;
import com.cagen.quota.operations.permission.GrantPermission;
import com.cagen.quota.operations.permission.RevokePermission;
import com.cagen.quota.operations.quota.AllocateQuota;
import com.cagen.quota.operations.quota.ApplyTree;
import com.cagen.quota.operations.quota.CreateQuota;
import com.cagen.quota.operations.quota.DeclaredTree;
import com.cagen.quota.operations.quota.DrainQuota;
import com.cagen.quota.operations.quota.ExportTree;
import com.cagen.quota.operations.quota.GetQuota;
import com.cagen.quota.operations.quota.MoveQuota;
import com.cagen.quota.operations.quota.ReleaseQuota;
import com.cagen.quota.operations.quota.ResumeQuota;
import com.cagen.quota.operations.quota.SuspendQuota;
import com.cagen.quota.operations.quota.TransferQuota;
import com.cagen.quota.operations.quota.UpdateQuota;
import com.cagen.quota.operations.reservation.CancelReservation;
import com.cagen.quota.operations.reservation.CommitReservation;
import com.cagen.quota.operations.reservation.CreateReservation;
import com.cagen.quota.operations.reservation.ExpireReservations;
import com.cagen.quota.operations.reservation.ExtendReservation;
import com.cagen.quota.operations.reservation.GetReservation;
import com.cagen.quota.operations.usage.AllocateUsage;
import com.cagen.quota.operations.usage.BatchUsage;
import com.cagen.quota.operations.usage.DeallocateUsage;
import com.cagen.quota.operations.usage.ReconcileUsage;
import com.cagen.quota.operations.usage.TransferUsage;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.Nonce;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaStatus;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.testing.Commands;
import com.cagen.quota.testing.Samples;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Makes the requests of one random history: all kinds, by all kinds of callers, some of them repeats. */
final class RandomRequests {
    static final List<String> ORGANIZATIONS = List.of("org_a", "org_a", "org_a", "org_b");
    /** "deputy" is made owner of a child; "late" is nothing at first; grants go to all of them. */
    static final List<String> USERS =
            List.of("owner", "owner", "owner", "owner", "owner", "deputy", "late", "admin", "reader", "stranger");
    /** Of another organization, of nobody, and one that cannot exist. */
    private static final List<String> STRANGE_QUOTAS = List.of("q_x", "q_child", "q_none", "q/root");

    private static final List<String> TEAMS = List.of("team_1");

    /** What the requests depend on: rows as the last transaction left them. */
    interface Rows {
        /** The quotas of an organization, deleted ones included, in the order of creation. */
        List<Quota> quotas(String organizationId);

        long heldMb(Quota quota, String resourceId);

        Instant now();

        /** The requests for larger quotas of an organization, in the order of creation. */
        List<Increase> increases(String organizationId);

        /** The reservations of an organization, in the order of creation. */
        List<Reservation> reservations(String organizationId);
    }

    private interface Fields {
        Input make(RandomRequests random, Caller caller, String quotaId);
    }

    /** How often an operation is asked for, compared to others, and with which fields. */
    private record Kind(RowOperation<?> operation, int weight, Fields fields) {}

    private static final Map<Class<?>, Kind> KINDS = new LinkedHashMap<>();

    private static void add(Class<? extends Input> command, int weight, Fields fields) {
        RowOperation<?> operation = (RowOperation<?>) Commands.operationOf(command);
        KINDS.put(command, new Kind(operation, weight, fields));
    }

    static {
        add(GetQuota.Command.class, 1, (random, caller, id) -> new GetQuota.Command(id, null));
        add(AllocateUsage.Command.class, 6, RandomRequests::allocateUsage);
        add(DeallocateUsage.Command.class, 3, RandomRequests::deallocateUsage);
        add(TransferUsage.Command.class, 2, RandomRequests::transferUsage);
        add(BatchUsage.Command.class, 2, (random, caller, id) -> random.batchUsage(caller));
        add(ReconcileUsage.Command.class, 4, RandomRequests::reconcileUsage);
        add(CreateIncrease.Command.class, 3, RandomRequests::createIncrease);
        add(
                ApproveIncrease.Command.class,
                5,
                (random, caller, id) -> new ApproveIncrease.Command(random.increase(caller, id), random.reason()));
        add(
                RejectIncrease.Command.class,
                2,
                (random, caller, id) -> new RejectIncrease.Command(random.increase(caller, id), random.reason()));
        add(
                WithdrawIncrease.Command.class,
                3,
                (random, caller, id) -> new WithdrawIncrease.Command(random.increase(caller, id), random.reason()));
        add(CreateReservation.Command.class, 4, RandomRequests::createReservation);
        add(CommitReservation.Command.class, 3, RandomRequests::commitReservation);
        add(CancelReservation.Command.class, 2, RandomRequests::cancelReservation);
        add(ExtendReservation.Command.class, 2, RandomRequests::extendReservation);
        add(GetReservation.Command.class, 1, RandomRequests::getReservation);
        add(ExpireReservations.Command.class, 1, RandomRequests::expireReservations);
        add(CreateQuota.Command.class, 1, (random, caller, id) -> random.createQuota());
        add(AllocateQuota.Command.class, 4, RandomRequests::allocateQuota);
        add(ReleaseQuota.Command.class, 3, (random, caller, id) -> new ReleaseQuota.Command(id));
        add(SuspendQuota.Command.class, 4, RandomRequests::suspendQuota);
        add(ResumeQuota.Command.class, 4, RandomRequests::resumeQuota);
        add(UpdateQuota.Command.class, 7, RandomRequests::updateQuota);
        add(DrainQuota.Command.class, 2, RandomRequests::drainQuota);
        add(TransferQuota.Command.class, 5, RandomRequests::transferQuota);
        add(MoveQuota.Command.class, 7, RandomRequests::moveQuota);
        add(ApplyTree.Command.class, 8, RandomRequests::applyTree);
        add(ExportTree.Command.class, 2, (random, caller, id) -> new ExportTree.Command(id));
        add(
                GrantPermission.Command.class,
                3,
                (random, caller, id) -> new GrantPermission.Command(id, random.pick(USERS), random.permissions()));
        add(
                RevokePermission.Command.class,
                3,
                (random, caller, id) -> new RevokePermission.Command(id, random.pick(USERS), random.permissions()));
    }

    private static final List<Kind> SHARING = weighted(true);
    private static final List<Kind> ALONE = weighted(false);

    private static List<Kind> weighted(boolean sharing) {
        List<Kind> result = new ArrayList<>();
        for (Kind kind : KINDS.values()) {
            if (kind.operation.sharesTransaction() == sharing) {
                result.addAll(Collections.nCopies(kind.weight, kind));
            }
        }
        return result;
    }

    private final SplittableRandom random;
    private final Rows rows;
    private final boolean deep;
    /** Every request so far. */
    private final List<Request> asked = new ArrayList<>();

    /** @param deep whether to ask for the deepest quotas most of the time */
    RandomRequests(SplittableRandom random, Rows rows, boolean deep) {
        this.random = random;
        this.rows = rows;
        this.deep = deep;
    }

    /** The commands that this generator makes. */
    static Set<Class<?>> commands() {
        return KINDS.keySet();
    }

    static RowOperation<?> operation(Request request) {
        return kind(request.command().getClass()).operation;
    }

    private static Kind kind(Class<? extends Input> command) {
        return Objects.requireNonNull(KINDS.get(command), "an operation without fields");
    }

    /** @param sharing of an operation that shares its transaction, or of one that does not */
    Request next(boolean sharing) {
        Request request = request(sharing);
        asked.add(request);
        return request;
    }

    private Request request(boolean sharing) {
        if (!asked.isEmpty() && random.nextInt(4) == 0) {
            Request earlier = asked.get(asked.size() - 1 - random.nextInt(Math.min(asked.size(), 10)));
            if (operation(earlier).sharesTransaction() == sharing) {
                return again(earlier, sharing);
            }
        }
        String service = random.nextInt(4) == 0 ? "svc_2" : "svc_1";
        Caller caller = new Caller(pick(ORGANIZATIONS), pick(USERS), service, TEAMS);
        // Few names, so that requests meet under one key within a batch as well.
        String key = random.nextBoolean() ? "key" + random.nextInt(12) : null;
        Input command = command(caller, sharing);
        // Of what the system does by itself, only some is asked for by others.
        return Commands.operationOf(command) instanceof SystemOperation<?> && random.nextInt(8) > 0
                ? request(Caller.system(caller.organizationId()), null, command)
                : request(caller, key, command);
    }

    /** The same once more, now and then by another user, through another service, or with other fields. */
    private Request again(Request earlier, boolean sharing) {
        Caller caller = earlier.caller();
        Input command = earlier.command();
        switch (random.nextInt(8)) {
            case 0 -> caller = new Caller(caller.organizationId(), pick(USERS), caller.serviceId(), TEAMS);
            case 1 -> caller = new Caller(caller.organizationId(), caller.userId(), "svc_2", TEAMS);
            case 2 -> command = command(caller, sharing);
            default -> {
                // The very same.
            }
        }
        return request(caller, earlier.idempotencyKey(), command);
    }

    private static Request request(Caller caller, @Nullable String key, Input command) {
        var name = Commands.nameOf(command);
        return new Request("req", caller, new Nonce("n", 0), name.change() ? key : null, name, command);
    }

    private Input command(Caller caller, boolean sharing) {
        List<Kind> kinds = sharing ? SHARING : ALONE;
        Kind kind = kinds.get(random.nextInt(kinds.size()));
        if (deep && !sharing && random.nextInt(3) == 0) {
            kind = kind(AllocateQuota.Command.class);
        }
        return kind.fields.make(this, caller, quotaId(caller));
    }

    private String quotaId(Caller caller) {
        List<Quota> own = rows.quotas(caller.organizationId());
        if (random.nextInt(12) == 0 || own.isEmpty()) {
            return pick(STRANGE_QUOTAS);
        }
        int last = own.size() - 1;
        return own.get(deep && random.nextBoolean() ? last : random.nextInt(own.size()))
                .id();
    }

    private @Nullable Quota find(Caller caller, String quotaId) {
        for (Quota quota : rows.quotas(caller.organizationId())) {
            if (quota.id().equals(quotaId)) {
                return quota;
            }
        }
        return null;
    }

    private Input allocateUsage(Caller caller, String quotaId) {
        Quota quota = find(caller, quotaId);
        long usageMb = 1L + random.nextInt(12);
        if (random.nextInt(30) == 0) {
            usageMb = Samples.MAX_MB;
        } else if (quota != null && random.nextInt(4) == 0) {
            // All that is available, or one more: mistakes are at such edges.
            usageMb = Math.max(1, quota.availableMb() + random.nextInt(2));
        }
        AllocateUsage.Mode mode = random.nextInt(4) == 0 ? pickMode() : null;
        Long minMb = mode == AllocateUsage.Mode.BEST_EFFORT && random.nextBoolean()
                ? Long.valueOf(1 + random.nextLong(Math.min(usageMb, 6)))
                : null;
        return new AllocateUsage.Command(quotaId, resourceId(), usageMb, reason(), mode, minMb);
    }

    private AllocateUsage.Mode pickMode() {
        return random.nextInt(3) == 0 ? AllocateUsage.Mode.CHECK : AllocateUsage.Mode.BEST_EFFORT;
    }

    private Input deallocateUsage(Caller caller, String quotaId) {
        Quota quota = find(caller, quotaId);
        String resourceId = resourceId();
        long usageMb = 1L + random.nextInt(12);
        if (quota != null && random.nextBoolean()) {
            usageMb = Math.max(1, rows.heldMb(quota, resourceId) + random.nextInt(4) / 3);
        }
        return new DeallocateUsage.Command(quotaId, resourceId, usageMb, reason());
    }

    private Input transferUsage(Caller caller, String quotaId) {
        Quota quota = find(caller, quotaId);
        String toQuotaId = random.nextInt(3) == 0 ? quotaId : quotaId(caller);
        String resourceId = resourceId();
        long heldMb = quota == null ? 0 : rows.heldMb(quota, resourceId);
        long usageMb = random.nextBoolean() ? Math.max(1, heldMb) : 1L + random.nextInt(4);
        String toResourceId = resourceId();
        boolean same = toQuotaId.equals(quotaId) && toResourceId.equals(resourceId);
        return new TransferUsage.Command(quotaId, resourceId, usageMb, toQuotaId, same ? "other" : toResourceId);
    }

    private Input batchUsage(Caller caller) {
        List<BatchUsage.Item> items = new ArrayList<>();
        for (int i = 1 + random.nextInt(4); i > 0; i--) {
            BatchUsage.Verb verb = random.nextInt(3) == 0 ? BatchUsage.Verb.DEALLOCATE : BatchUsage.Verb.ALLOCATE;
            items.add(new BatchUsage.Item(verb, quotaId(caller), resourceId(), 1L + random.nextInt(8), reason()));
        }
        return new BatchUsage.Command(random.nextInt(3) == 0, items);
    }

    private Input reconcileUsage(Caller caller, String quotaId) {
        Quota quota = find(caller, quotaId);
        List<ReconcileUsage.Observed> observed = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            String resourceId = "res" + i;
            long heldMb = quota == null ? 0 : rows.heldMb(quota, resourceId);
            if (i == 0 || random.nextBoolean()) {
                observed.add(new ReconcileUsage.Observed(
                        resourceId, Math.max(0, heldMb + random.nextInt(12) - (random.nextBoolean() ? 6 : 0))));
            }
        }
        Instant asOf = null;
        if (random.nextBoolean()) {
            asOf = rows.now().minusMillis(random.nextInt(4_000) - (random.nextInt(10) == 0 ? 60_000L : 0));
        }
        return new ReconcileUsage.Command(quotaId, observed, random.nextInt(3) == 0, asOf, random.nextInt(4) == 0);
    }

    private Input createIncrease(Caller caller, String quotaId) {
        Quota quota = find(caller, quotaId);
        long totalMb = quota == null ? 5 : Math.max(1, quota.totalMb() + random.nextInt(6) - 1);
        return new CreateIncrease.Command(quotaId, totalMb, "why");
    }

    /** Often one that is pending, often one that is closed. */
    private String increase(Caller caller, String quotaId) {
        boolean pending = random.nextInt(3) > 0;
        List<Increase> among = rows.increases(caller.organizationId()).stream()
                .filter(increase -> increase.pending() == pending)
                .toList();
        return among.isEmpty() || random.nextInt(20) == 0
                ? Increase.idOf(new UUID(0, 0), quotaId)
                : among.get(random.nextInt(among.size())).id();
    }

    private Input createReservation(Caller caller, String quotaId) {
        Quota quota = find(caller, quotaId);
        long reserveMb = quota != null && random.nextInt(4) == 0
                ? Math.max(1, quota.availableMb() + random.nextInt(2))
                : 1L + random.nextInt(8);
        return new CreateReservation.Command(quotaId, resourceId(), reserveMb, ttlSeconds(), reason());
    }

    private Input commitReservation(Caller caller, String quotaId) {
        Reservation reservation = reservation(caller);
        if (reservation == null) {
            return new CommitReservation.Command(quotaId, "reservation_none", null);
        }
        Long usageMb = random.nextBoolean() ? null : Long.valueOf(1 + random.nextLong(reservation.reservedMb() + 1));
        return new CommitReservation.Command(quotaOf(reservation, quotaId), reservation.id(), usageMb);
    }

    private Input cancelReservation(Caller caller, String quotaId) {
        Reservation reservation = reservation(caller);
        return reservation == null
                ? new CancelReservation.Command(quotaId, "reservation_none")
                : new CancelReservation.Command(quotaOf(reservation, quotaId), reservation.id());
    }

    private Input extendReservation(Caller caller, String quotaId) {
        Reservation reservation = reservation(caller);
        return reservation == null
                ? new ExtendReservation.Command(quotaId, "reservation_none", 1)
                : new ExtendReservation.Command(quotaOf(reservation, quotaId), reservation.id(), ttlSeconds());
    }

    private Input getReservation(Caller caller, String quotaId) {
        Reservation reservation = reservation(caller);
        return reservation == null
                ? new GetReservation.Command(quotaId, "reservation_none")
                : new GetReservation.Command(quotaOf(reservation, quotaId), reservation.id());
    }

    private Input expireReservations(Caller caller, String quotaId) {
        Reservation reservation = reservation(caller);
        return new ExpireReservations.Command(reservation == null ? quotaId : quotaOf(reservation, quotaId));
    }

    /** Mostly one that is held; null when there is none at all. */
    private @Nullable Reservation reservation(Caller caller) {
        List<Reservation> all = rows.reservations(caller.organizationId());
        List<Reservation> held = all.stream().filter(Reservation::held).toList();
        List<Reservation> among = held.isEmpty() || random.nextInt(4) == 0 ? all : held;
        return among.isEmpty() || random.nextInt(20) == 0 ? null : among.get(random.nextInt(among.size()));
    }

    /** Now and then another one, which has no such reservation. */
    private String quotaOf(Reservation reservation, String otherId) {
        return random.nextInt(20) == 0 ? otherId : reservation.key().quotaId();
    }

    private long ttlSeconds() {
        return 1L + random.nextInt(20);
    }

    private Input createQuota() {
        String team = random.nextInt(4) == 0 ? pick(List.of("team_1", "team_9")) : null;
        QuotaType type = team == null ? QuotaType.ORGANIZATION : QuotaType.TEAM;
        return new CreateQuota.Command("name", null, type, 1 + random.nextInt(60), team);
    }

    private Input allocateQuota(Caller caller, String quotaId) {
        Quota parent = find(caller, quotaId);
        String sameTeam = parent == null ? null : parent.teamId();
        QuotaType type = sameTeam == null ? QuotaType.ORGANIZATION : QuotaType.TEAM;
        String target = sameTeam;
        if (random.nextInt(3) == 0) {
            type = random.nextInt(3) == 0 ? QuotaType.ORGANIZATION : QuotaType.TEAM;
            target = random.nextInt(6) == 0 ? null : pick(List.of("team_1", "team_1", "team_2", "org_a", ""));
        }
        long allocateMb = 1L + random.nextInt(12);
        if (parent != null && random.nextInt(3) == 0) {
            allocateMb = Math.max(1, parent.availableMb() + random.nextInt(2));
        }
        List<String> admins = random.nextInt(3) == 0 ? List.of(pick(USERS), pick(USERS)) : List.of();
        return new AllocateQuota.Command(quotaId, "name", null, allocateMb, type, target, admins);
    }

    private Input suspendQuota(Caller caller, String quotaId) {
        List<Quota> own = rows.quotas(caller.organizationId());
        String id =
                switch (random.nextInt(8)) {
                    case 0 -> suspended(caller, quotaId);
                    // A root: what is suspended below it must stay so.
                    case 1, 2 -> own.get(0).id();
                    // One that an ancestor suspends: resuming it later must leave it suspended from above.
                    case 3, 4, 5 ->
                        own.stream()
                                .filter(quota -> quota.status() == QuotaStatus.ACTIVE && quota.suspendedBy() != null)
                                .map(Quota::id)
                                .findFirst()
                                .orElse(quotaId);
                    default -> quotaId;
                };
        return new SuspendQuota.Command(id, reason());
    }

    private Input resumeQuota(Caller caller, String quotaId) {
        return new ResumeQuota.Command(random.nextInt(4) > 0 ? suspended(caller, quotaId) : quotaId, reason());
    }

    /** A quota that is suspended, if there is any: often the deepest one. */
    private String suspended(Caller caller, String otherId) {
        List<String> ids = rows.quotas(caller.organizationId()).stream()
                .filter(quota -> quota.status() == QuotaStatus.SUSPENDED)
                .map(Quota::id)
                .toList();
        if (ids.isEmpty()) {
            return otherId;
        }
        return random.nextBoolean() ? ids.get(ids.size() - 1) : pick(ids);
    }

    private Input updateQuota(Caller caller, String quotaId) {
        Quota quota = find(caller, quotaId);
        boolean size = random.nextInt(3) > 0;
        boolean label = !size || random.nextInt(6) == 0;
        List<String> cleared = new ArrayList<>();
        String description = label && random.nextInt(3) == 0 ? pick(List.of("", "more")) : null;
        if (label && description == null && random.nextInt(6) == 0) {
            cleared.add("description");
        }
        String key = label && random.nextInt(3) > 0 ? pick(List.of("a", "a", "b")) : null;
        if (label && key == null && random.nextInt(3) == 0) {
            cleared.add("key");
        }
        Boolean drain = null;
        Long totalMb = null;
        if (size) {
            drain = random.nextInt(4) == 0 ? null : random.nextInt(4) > 0;
            totalMb = Boolean.TRUE.equals(drain) || random.nextBoolean() ? Long.valueOf(total(caller, quota)) : null;
        }
        Long expectedVersion =
                quota != null && random.nextInt(4) == 0 ? Long.valueOf(quota.version() + random.nextInt(5) / 4) : null;
        String name = label && random.nextInt(3) == 0 ? pick(List.of("n", "other")) : null;
        return new UpdateQuota.Command(quotaId, name, description, key, cleared, totalMb, drain, expectedVersion);
    }

    /** Often at an edge: what is taken, what there is, what there can be, or one more or less. */
    private long total(Caller caller, @Nullable Quota quota) {
        if (quota == null || random.nextInt(3) == 0) {
            return 1L + random.nextInt(60);
        }
        Quota parent = quota.parentId() == null ? null : find(caller, quota.parentId());
        long edge =
                switch (random.nextInt(4)) {
                    case 0, 1 -> quota.figures().takenMb();
                    case 2 -> quota.totalMb();
                    default -> quota.totalMb() + (parent == null ? 1 : parent.availableMb());
                };
        return Math.max(1, edge + random.nextInt(3) - 1);
    }

    private Input drainQuota(Caller caller, String quotaId) {
        List<String> draining = rows.quotas(caller.organizationId()).stream()
                .filter(quota -> quota.drainToMb() != null)
                .map(Quota::id)
                .toList();
        return new DrainQuota.Command(draining.isEmpty() || random.nextInt(4) == 0 ? quotaId : pick(draining));
    }

    /** Mostly between siblings where there are some; often all that the quota has free, or one more or less. */
    private Input transferQuota(Caller caller, String quotaId) {
        List<Quota> living = rows.quotas(caller.organizationId()).stream()
                .filter(quota -> !quota.deleted())
                .toList();
        List<Quota> givers = living.stream()
                .filter(quota -> !siblings(quota, living).isEmpty())
                .toList();
        Quota from = givers.isEmpty() || random.nextInt(8) == 0
                ? find(caller, quotaId)
                : givers.get(random.nextInt(givers.size()));
        if (from == null) {
            return new TransferQuota.Command(quotaId, "quota_none", 1);
        }
        List<String> siblings = siblings(from, living);
        String toQuotaId = siblings.isEmpty() || random.nextInt(8) == 0 ? quotaId(caller) : pick(siblings);
        long transferMb =
                random.nextBoolean() ? 1L + random.nextInt(3) : Math.max(1, from.availableMb() + random.nextInt(3) - 1);
        return new TransferQuota.Command(from.id(), toQuotaId.equals(from.id()) ? "quota_none" : toQuotaId, transferMb);
    }

    /** Mostly a child below another quota; now and then below itself, below what is below it, or a root. */
    private Input moveQuota(Caller caller, String quotaId) {
        List<Quota> living = rows.quotas(caller.organizationId()).stream()
                .filter(quota -> !quota.deleted())
                .toList();
        List<String> children = living.stream()
                .filter(quota -> quota.parentId() != null)
                .map(Quota::id)
                .toList();
        String id = children.isEmpty() || random.nextInt(8) == 0 ? quotaId : pick(children);
        Quota quota = find(caller, id);
        List<String> roomy = living.stream()
                .filter(parent -> quota != null && parent.availableMb() >= quota.totalMb())
                .map(Quota::id)
                .toList();
        return new MoveQuota.Command(id, roomy.isEmpty() || random.nextInt(3) == 0 ? quotaId(caller) : pick(roomy));
    }

    /** Mostly of a tree that is much like the one that is there. */
    private Input applyTree(Caller caller, String quotaId) {
        Quota quota = find(caller, quotaId);
        boolean relabels = random.nextInt(4) == 0;
        DeclaredTree tree = new DeclaredTree(
                null,
                relabels ? pick(List.of("n", "other")) : null,
                random.nextInt(8) == 0 ? pick(List.of("", "more")) : null,
                null,
                null,
                random.nextInt(4) == 0 ? Long.valueOf(total(caller, quota)) : null,
                random.nextInt(5) == 0 ? null : declaredChildren(caller, quota, 0));
        return new ApplyTree.Command(quotaId, tree, random.nextInt(3) == 0, random.nextInt(5) == 0, null);
    }

    private List<DeclaredTree> declaredChildren(Caller caller, @Nullable Quota parent, int depth) {
        List<DeclaredTree> children = new ArrayList<>();
        for (String key : List.of("a", "b")) {
            Quota child = parent == null ? null : childWithKey(caller, parent, key);
            if (random.nextInt(3) > 0) {
                Long totalMb = child != null && random.nextInt(3) > 0 ? child.wantedMb() : 1L + random.nextInt(8);
                boolean team = child == null ? random.nextInt(12) == 0 : child.type() == QuotaType.TEAM;
                children.add(new DeclaredTree(
                        key,
                        pick(List.of("n", "n", "other")),
                        null,
                        team ? QuotaType.TEAM : QuotaType.ORGANIZATION,
                        team ? child == null ? "team_a" : child.teamId() : null,
                        totalMb,
                        depth == 2 || random.nextInt(2) == 0 ? null : declaredChildren(caller, child, depth + 1)));
            }
        }
        return children;
    }

    private @Nullable Quota childWithKey(Caller caller, Quota parent, String key) {
        return rows.quotas(caller.organizationId()).stream()
                .filter(quota -> !quota.deleted() && parent.id().equals(quota.parentId()) && key.equals(quota.key()))
                .findFirst()
                .orElse(null);
    }

    private static List<String> siblings(Quota quota, List<Quota> among) {
        return among.stream()
                .filter(other -> !other.id().equals(quota.id())
                        && other.parentId() != null
                        && other.parentId().equals(quota.parentId()))
                .map(Quota::id)
                .toList();
    }

    private List<Permission> permissions() {
        return switch (random.nextInt(6)) {
            case 0 -> List.of(Permission.READ);
            case 1 -> List.of(Permission.ADMIN);
            case 2 -> List.of(Permission.ADMIN, Permission.READ);
            case 3 -> List.of(Permission.READ, Permission.OWNER);
            default -> List.of(Permission.OWNER);
        };
    }

    private String resourceId() {
        return "res" + random.nextInt(3);
    }

    private @Nullable String reason() {
        return random.nextInt(5) == 0 ? "why" : null;
    }

    private String pick(List<String> names) {
        return names.get(random.nextInt(names.size()));
    }
}
