package com.cagen.quota.engine;

import com.cagen.quota.domain.access.GrantKey;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.HoldingKey;
import com.cagen.quota.domain.quota.Increase;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.quota.Reservation;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.Request;
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
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaType;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The contract once more, as plainly as possible: mutable nodes, one operation at a time, nothing stored that can be added
 * up or looked up. Knows nothing of rows, batches, folded figures, inherited owners or a stored "suspended by".
 *
 * <p>Answers are texts: a kind, then {@code |} and what belongs to it, so that they can be compared and counted.
 */
final class NaiveQuotas {
    /** A change of what a resource holds. */
    record Line(String resource, long differenceMb, Instant at) {}

    /** One reservation. */
    static final class Hold {
        final String id;
        final String resource;
        final long reservedMb;
        long committedMb;
        String status = "held";
        Instant expiresAt;

        Hold(String id, String resource, long reservedMb, Instant expiresAt) {
            this.id = id;
            this.resource = resource;
            this.reservedMb = reservedMb;
            this.expiresAt = expiresAt;
        }

        boolean due(Instant now) {
            return status.equals("held") && !now.isBefore(expiresAt);
        }

        Map<String, Object> refusal() {
            return Map.of("reservation_id", id, "status", status, "expires_at", expiresAt);
        }

        Map<String, Object> shown(Node node) {
            Map<String, Object> fields = new HashMap<>();
            fields.put("reservation_id", id);
            fields.put("quota_id", node.id());
            fields.put("resource_id", resource);
            fields.put("reserved_mb", reservedMb);
            fields.put("committed_mb", committedMb);
            fields.put("status", status);
            fields.put("expires_at", expiresAt);
            fields.put("total_mb", node.totalMb);
            fields.put("used_mb", node.used());
            fields.put("quota_reserved_mb", node.reserved());
            fields.put("allocated_mb", node.allocated());
            fields.put("available_mb", node.free());
            return fields;
        }
    }

    /** One quota. */
    static final class Node {
        final QuotaKey key;

        @Nullable
        Node parent;

        final @Nullable String team;
        String name;

        @Nullable
        String description;

        @Nullable
        String shortKey;

        long totalMb;

        @Nullable
        Long drainToMb;

        final List<Node> children = new ArrayList<>();
        final Map<String, Long> holds = new HashMap<>();
        final Map<String, Hold> reservations = new LinkedHashMap<>();
        final List<Line> ledger = new ArrayList<>();
        /** Of this quota itself, in the order in which they became its owners. */
        final Set<String> owners = new LinkedHashSet<>();

        final Map<String, Set<Permission>> grants = new HashMap<>();
        /** Of a root: whom its answers and those below it name as the owner. */
        String namedOwner = "";

        Set<String> inheritedWhenReleased = Set.of();

        boolean suspended;
        boolean deleted;
        long version = 1;
        long grantsVersion;

        Node(
                QuotaKey key,
                @Nullable Node parent,
                @Nullable String team,
                String name,
                @Nullable String description,
                long totalMb) {
            this.key = key;
            this.name = name;
            this.description = description;
            this.parent = parent;
            this.team = team;
            this.totalMb = totalMb;
        }

        String id() {
            return key.quotaId();
        }

        long used() {
            return holds.values().stream().mapToLong(Long::longValue).sum();
        }

        long allocated() {
            long sum = 0;
            for (Node child : children) {
                sum += child.deleted ? 0 : child.totalMb;
            }
            return sum;
        }

        long reserved() {
            long sum = 0;
            for (Hold hold : reservations.values()) {
                sum += hold.status.equals("held") ? hold.reservedMb : 0;
            }
            return sum;
        }

        long taken() {
            return used() + allocated() + reserved();
        }

        long free() {
            return totalMb - taken();
        }

        boolean ownedBy(String userId) {
            return owners.contains(userId) || (parent != null && parent.ownedBy(userId));
        }

        /** To operations that share their transaction, the owners above a deleted quota stay those of its release. */
        boolean ownedBy(String userId, boolean asReleased) {
            return (asReleased && deleted)
                    ? owners.contains(userId) || inheritedWhenReleased.contains(userId)
                    : ownedBy(userId);
        }

        Set<String> inheritedOwners() {
            Set<String> inherited = new LinkedHashSet<>();
            for (Node above = parent; above != null; above = above.parent) {
                inherited.addAll(above.owners);
            }
            return inherited;
        }

        @Nullable
        String suspender() {
            if (suspended) {
                return id();
            }
            return parent == null ? null : parent.suspender();
        }

        int level() {
            return parent == null ? 0 : 1 + parent.level();
        }

        String path() {
            return (parent == null ? "" : parent.path()) + "/" + id();
        }

        Node root() {
            return parent == null ? this : parent.root();
        }

        String status() {
            if (deleted) {
                return "deleted";
            }
            return suspended ? "suspended" : "active";
        }

        /** What answers show of it. */
        Map<String, Object> shown() {
            Map<String, Object> fields = new HashMap<>();
            fields.put("id", id());
            fields.put("type", team == null ? "organization" : "team");
            fields.put("total_mb", totalMb);
            fields.put("version", version);
            fields.put("name", name);
            fields.put("description", description);
            fields.put("key", shortKey);
            fields.put("reserved_mb", reserved());
            fields.put("drain_to_mb", drainToMb);
            fields.put("used_mb", used());
            fields.put("allocated_mb", allocated());
            fields.put("available_mb", free());
            fields.put("parent_quota_id", parent == null ? null : parent.id());
            fields.put("level", level());
            fields.put("path", path());
            fields.put("owner_id", root().namedOwner);
            fields.put("organization_id", key.organizationId());
            fields.put("team_id", team);
            fields.put("status", status());
            fields.put("effective_status", !deleted && suspender() != null ? "suspended" : status());
            return fields;
        }
    }

    /**
     * One request.
     *
     * @param newId the id of the quota that it makes, if it makes one
     * @param operationId what it makes may be named after
     * @param toldAuth whether the auth service has confirmed it
     * @param shares whether its operation shares its transaction with others
     */
    record Call(
            Request request,
            boolean nonceAccepted,
            KnownGrants known,
            boolean toldAuth,
            boolean shares,
            String newId,
            UUID operationId,
            Instant now) {
        Caller caller() {
            return request.caller();
        }

        String user() {
            return request.caller().userId();
        }
    }

    /** It changes nothing; the message is the answer. */
    private static final class NotDone extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final transient String code;
        private final transient Map<String, Object> details;

        NotDone(String answer) {
            super(answer, null, false, false);
            this.code = "";
            this.details = Map.of();
        }

        NotDone(String code, Map<String, Object> details) {
            super(refusal(code, details), null, false, false);
            this.code = code;
            this.details = details;
        }

        /** The same about an item of a batch. */
        NotDone ofItem(long item) {
            return with("item", item);
        }

        NotDone with(String name, Object value) {
            Map<String, Object> more = new HashMap<>(details);
            more.put(name, value);
            return new NotDone(code, more);
        }
    }

    /** Who may do it: throws {@link NotDone} for others. */
    private interface Right<C> {
        void check(C command, Call call);
    }

    /** What it does, and its answer. */
    private interface Rule<C> {
        String apply(C command, Call call);
    }

    private record Operation<C extends Input>(Class<C> type, Right<C> right, Rule<C> rule) {
        void check(Call call) {
            right.check(type.cast(call.request().command()), call);
        }

        String apply(Call call) {
            return rule.apply(type.cast(call.request().command()), call);
        }
    }

    /** A request for a larger quota. */
    private static final class Ask {
        final Node node;
        final String id;
        final long totalMb;
        final long totalMbBefore;
        final String by;
        String status = "pending";

        @Nullable
        String decidedBy;

        @Nullable
        String decisionReason;

        Ask(Node node, String id, long totalMb, String by) {
            this.node = node;
            this.id = id;
            this.totalMb = totalMb;
            this.totalMbBefore = node.totalMb;
            this.by = by;
        }

        Map<String, Object> shown() {
            Map<String, Object> fields = new HashMap<>();
            fields.put("increase_id", id);
            fields.put("quota_id", node.id());
            fields.put("total_mb", totalMb);
            fields.put("total_mb_before", totalMbBefore);
            fields.put("reason", "why");
            fields.put("status", status);
            fields.put("requested_by", by);
            fields.put("decided_by", decidedBy);
            fields.put("decision_reason", decisionReason);
            return fields;
        }
    }

    /** What was done under a key: the text of its request, and its answer. */
    private record Earlier(String request, String answer) {}

    private final Map<Class<?>, Operation<?>> operations = new LinkedHashMap<>();
    private final Map<QuotaKey, Node> nodes = new LinkedHashMap<>();
    private final Map<String, Earlier> done = new HashMap<>();
    /** The requests for larger quotas of all organizations. */
    private final Map<String, Ask> asks = new LinkedHashMap<>();

    NaiveQuotas() {
        add(CreateQuota.Command.class, NaiveQuotas::mayCreate, this::create);
        add(AllocateQuota.Command.class, this::needsAdmin, this::allocate);
        add(ReleaseQuota.Command.class, this::mayRelease, this::release);
        add(SuspendQuota.Command.class, this::mayFromAbove, (command, call) -> suspend(node(command, call), true));
        add(ResumeQuota.Command.class, this::mayFromAbove, (command, call) -> suspend(node(command, call), false));
        add(UpdateQuota.Command.class, this::mayUpdate, this::update);
        add(DrainQuota.Command.class, NaiveQuotas::maySystem, this::drain);
        add(MoveQuota.Command.class, this::mayMove, this::move);
        add(ApplyTree.Command.class, this::mayApply, this::applyTree);
        add(ExportTree.Command.class, this::needsAdmin, this::exportTree);
        add(TransferQuota.Command.class, this::mayTransferCapacity, this::transferCapacity);
        add(GetQuota.Command.class, this::needsRead, this::get);
        add(AllocateUsage.Command.class, this::needsRead, this::allocateUsage);
        add(DeallocateUsage.Command.class, this::needsRead, this::deallocateUsage);
        add(TransferUsage.Command.class, this::mayTransfer, this::transferUsage);
        add(BatchUsage.Command.class, this::mayBatch, this::batch);
        add(ReconcileUsage.Command.class, this::needsAdmin, this::reconcile);
        add(CreateIncrease.Command.class, this::needsRead, this::ask);
        add(ApproveIncrease.Command.class, (command, call) -> mayResize(node(command, call), call), this::approve);
        add(
                RejectIncrease.Command.class,
                (command, call) -> mayResize(node(command, call), call),
                (command, call) -> end(command.increaseId(), "rejected", command.reason(), call));
        add(
                WithdrawIncrease.Command.class,
                this::mayWithdraw,
                (command, call) -> end(command.increaseId(), "withdrawn", command.reason(), call));
        add(CreateReservation.Command.class, this::needsRead, this::reserve);
        add(CommitReservation.Command.class, this::needsRead, this::commit);
        add(CancelReservation.Command.class, this::needsRead, this::cancel);
        add(ExtendReservation.Command.class, this::needsRead, this::extend);
        add(GetReservation.Command.class, this::needsRead, this::getReservation);
        add(ExpireReservations.Command.class, NaiveQuotas::maySystem, this::expire);
        add(
                GrantPermission.Command.class,
                (command, call) -> mayChange(command, command.permissions(), call),
                this::grant);
        add(
                RevokePermission.Command.class,
                (command, call) -> mayChange(command, command.permissions(), call),
                this::revoke);
    }

    private <C extends Input> void add(Class<C> type, Right<C> right, Rule<C> rule) {
        operations.put(type, new Operation<>(type, right, rule));
    }

    /** The commands that this model knows. */
    Set<Class<?>> commands() {
        return operations.keySet();
    }

    Collection<Node> all() {
        return nodes.values();
    }

    /** What resources hold. */
    Map<HoldingKey, Long> heldMb() {
        Map<HoldingKey, Long> held = new HashMap<>();
        nodes.forEach((key, node) -> node.holds.forEach((resource, megabytes) ->
                held.put(new HoldingKey(key.organizationId(), key.quotaId(), resource), megabytes)));
        return held;
    }

    /** What users were granted, ownership aside; nobody with nothing. */
    Map<GrantKey, Set<Permission>> grants() {
        Map<GrantKey, Set<Permission>> grants = new HashMap<>();
        nodes.forEach((key, node) -> node.grants.forEach((user, granted) -> {
            if (!granted.isEmpty()) {
                grants.put(new GrantKey(key.organizationId(), key.quotaId(), user), granted);
            }
        }));
        return grants;
    }

    /** Carries a request out, with everything that comes before the rules. */
    String operate(Call call) {
        try {
            return admitAndApply(call);
        } catch (NotDone notDone) {
            return String.valueOf(notDone.getMessage());
        }
    }

    private String admitAndApply(Call call) {
        if (!call.nonceAccepted()) {
            throw refused("credential_replayed", Map.of());
        }
        Request request = call.request();
        Caller caller = request.caller();
        String key = caller.organizationId() + "/" + caller.serviceId() + "/" + request.idempotencyKey();
        Earlier earlier = request.idempotencyKey() == null ? null : done.get(key);
        String quotaId = request.command().quotaId();
        String increaseId = increaseId(request.command());
        if (increaseId == null) {
            mustExist(quotaId, call, earlier);
        } else if (!known(increaseId, quotaId, call, earlier)) {
            throw refused("increase_not_found", Map.of());
        }
        if (request.command() instanceof TransferUsage.Command transfer) {
            mustExist(transfer.toQuotaId(), call, earlier);
        }
        if (request.command() instanceof MoveQuota.Command move) {
            mustExist(move.parentQuotaId(), call, earlier);
        }
        if (request.command() instanceof TransferQuota.Command transfer) {
            mustExist(transfer.toQuotaId(), call, earlier);
        }
        String reservationId = reservationId(request.command());
        if (reservationId != null && !node(request.command(), call).reservations.containsKey(reservationId)) {
            throw refused("reservation_not_found", Map.of());
        }
        Operation<?> operation =
                Objects.requireNonNull(operations.get(request.command().getClass()), "an operation without a rule");
        operation.check(call);
        String text = caller.userId() + " wants " + request.operation() + " " + request.command();
        if (earlier != null) {
            if (!earlier.request.equals(text)) {
                throw refused("idempotency_key_reused", Map.of());
            }
            return "repeat|" + earlier.answer;
        }
        String answer = operation.apply(call);
        boolean onlyChecks =
                (request.command() instanceof AllocateUsage.Command use && use.mode() == AllocateUsage.Mode.CHECK)
                        || (request.command() instanceof ReconcileUsage.Command reconcile && reconcile.dryRun())
                        || (request.command() instanceof ApplyTree.Command apply && apply.dryRun());
        if (request.idempotencyKey() != null && !onlyChecks) {
            done.put(key, new Earlier(text, answer));
        }
        return answer;
    }

    private static @Nullable String increaseId(Input command) {
        if (command instanceof ApproveIncrease.Command approve) {
            return approve.increaseId();
        } else if (command instanceof RejectIncrease.Command reject) {
            return reject.increaseId();
        }
        return command instanceof WithdrawIncrease.Command withdraw ? withdraw.increaseId() : null;
    }

    private boolean known(String increaseId, @Nullable String quotaId, Call call, @Nullable Earlier earlier) {
        Ask ask = asks.get(increaseId);
        Node node =
                quotaId == null ? null : nodes.get(new QuotaKey(call.caller().organizationId(), quotaId));
        return ask != null && node != null && node.key.equals(ask.node.key) && (!node.deleted || earlier != null);
    }

    private void mustExist(@Nullable String quotaId, Call call, @Nullable Earlier earlier) {
        if (quotaId != null) {
            Node node = nodes.get(new QuotaKey(call.caller().organizationId(), quotaId));
            if (node == null || (node.deleted && earlier == null)) {
                throw refused("quota_not_found", Map.of());
            }
        }
    }

    Node node(QuotaKey key) {
        return Objects.requireNonNull(nodes.get(key));
    }

    private Node node(Input command, Call call) {
        return node(Objects.requireNonNull(command.quotaId()), call);
    }

    private Node node(String id, Call call) {
        return Objects.requireNonNull(nodes.get(new QuotaKey(call.caller().organizationId(), id)), id);
    }

    // Who may do what.

    private void needsRead(Input command, Call call) {
        needs(Permission.READ, call, node(command, call));
    }

    private void needsAdmin(Input command, Call call) {
        needs(Permission.ADMIN, call, node(command, call));
    }

    private void mayRelease(Input command, Call call) {
        Node node = node(command, call);
        if (node.parent == null) {
            needs(Permission.ADMIN, call, node);
        } else {
            needs(Permission.ADMIN, call, node, node.parent);
        }
    }

    private void mayFromAbove(Input command, Call call) {
        Node node = node(command, call);
        if (node.parent == null || node.ownedBy(call.user())) {
            needs(Permission.OWNER, call, node);
        } else {
            needs(Permission.ADMIN, call, node.parent);
        }
    }

    private void mayUpdate(UpdateQuota.Command command, Call call) {
        Node node = node(command, call);
        boolean size = command.totalMb() != null || command.drain() != null;
        boolean label = command.name() != null
                || command.description() != null
                || command.key() != null
                || !command.cleared().isEmpty();
        if (!size && !label) {
            mayRelease(command, call);
            return;
        }
        // What is unknown is asked about in one go, and only when nothing forbids it anyway.
        Set<String> asked = new LinkedHashSet<>();
        if (label) {
            asks(asked, () -> needs(Permission.ADMIN, call, node));
        }
        if (size) {
            asks(asked, () -> mayResize(node, call));
        }
        if (!asked.isEmpty()) {
            throw new NotDone("ask|" + asked);
        }
    }

    private void mayResize(Node node, Call call) {
        if (node.parent == null) {
            needs(Permission.OWNER, call, node);
        } else {
            needs(Permission.ADMIN, call, node.parent);
        }
    }

    private void mayMove(MoveQuota.Command command, Call call) {
        Node node = node(command, call);
        Node to = node(command.parentQuotaId(), call);
        Set<String> asked = new LinkedHashSet<>();
        asks(asked, () -> mayResize(node, call));
        if (to != node.parent) {
            asks(asked, () -> needs(Permission.ADMIN, call, to));
        }
        if (!asked.isEmpty()) {
            throw new NotDone("ask|" + asked);
        }
    }

    private void mayApply(ApplyTree.Command command, Call call) {
        Node node = node(command, call);
        Set<String> asked = new LinkedHashSet<>();
        asks(asked, () -> needs(Permission.ADMIN, call, node));
        Long totalMb = command.tree().totalMb();
        if (totalMb != null && totalMb != wanted(node)) {
            asks(asked, () -> needs(Permission.OWNER, call, node));
        }
        if (!asked.isEmpty()) {
            throw new NotDone("ask|" + asked);
        }
    }

    private void mayTransferCapacity(TransferQuota.Command command, Call call) {
        Node from = node(command, call);
        Node to = node(command.toQuotaId(), call);
        Set<String> asked = new LinkedHashSet<>();
        asks(asked, () -> mayResize(from, call));
        if (from.parent == null || from.parent != to.parent) {
            asks(asked, () -> mayResize(to, call));
        }
        if (!asked.isEmpty()) {
            throw new NotDone("ask|" + asked);
        }
    }

    private void mayTransfer(TransferUsage.Command command, Call call) {
        Set<String> asked = new LinkedHashSet<>();
        asks(asked, () -> needs(Permission.READ, call, node(command, call)));
        asks(asked, () -> needs(Permission.READ, call, node(command.toQuotaId(), call)));
        if (!asked.isEmpty()) {
            throw new NotDone("ask|" + asked);
        }
    }

    /** Notes whom the check asks about; a refusal goes on. */
    private static void asks(Set<String> asked, Runnable check) {
        try {
            check.run();
        } catch (NotDone notDone) {
            String answer = String.valueOf(notDone.getMessage());
            if (!answer.startsWith("ask|[")) {
                throw notDone;
            }
            asked.addAll(List.of(
                    answer.substring("ask|[".length(), answer.length() - 1).split(", ", -1)));
        }
    }

    private static void maySystem(Input command, Call call) {
        if (!call.caller().isSystem()) {
            throw refused("permission_denied", Map.of("required", List.of("system")));
        }
    }

    private void mayChange(Input command, List<Permission> permissions, Call call) {
        boolean ownership = permissions.contains(Permission.OWNER);
        needs(ownership ? Permission.OWNER : Permission.ADMIN, call, node(command, call));
    }

    private static void mayCreate(CreateQuota.Command command, Call call) {
        if (command.teamId() != null && !call.caller().teamIds().contains(command.teamId())) {
            throw refused("permission_denied", Map.of("required", List.of("team_member")));
        }
    }

    /** Any one of the quotas is enough. */
    private static void needs(Permission needed, Call call, Node... quotas) {
        List<String> unknown = new ArrayList<>();
        for (Node quota : quotas) {
            KnownGrants.Entry entry = call.known().byQuotaId().get(quota.id());
            if (quota.ownedBy(call.user(), call.shares())) {
                return;
            } else if (entry == null || entry.grantsVersion() != quota.grantsVersion) {
                unknown.add(quota.id());
            } else if (needed != Permission.OWNER
                    && entry.granted().stream().anyMatch(granted -> granted.implies(needed))) {
                return;
            }
        }
        if (needed != Permission.OWNER && !unknown.isEmpty()) {
            throw new NotDone("ask|" + unknown);
        }
        List<String> required =
                switch (needed) {
                    case READ -> List.of("read", "admin", "owner");
                    case ADMIN -> List.of("admin", "owner");
                    case OWNER -> List.of("owner");
                };
        throw refused("permission_denied", Map.of("required", required));
    }

    // Quotas.

    private String create(CreateQuota.Command command, Call call) {
        Node node = make(call, null, command.teamId(), command.name(), command.description(), command.totalMb());
        node.owners.add(call.user());
        node.namedOwner = call.user();
        return quota("Quota created.", node);
    }

    private String allocate(AllocateQuota.Command command, Call call) {
        Node parent = node(command, call);
        String target = command.targetId() == null ? "" : command.targetId();
        boolean team = command.quotaType() == QuotaType.TEAM;
        boolean fits = team
                ? !target.isEmpty() && (parent.team == null || parent.team.equals(target))
                : parent.team == null && (target.isEmpty() || target.equals(parent.key.organizationId()));
        if (!fits) {
            throw refused("hierarchy_violation", Map.of());
        }
        if (parent.level() == 15) {
            throw refused("too deep", Map.of());
        }
        checkCapacity(parent, command.allocateMb());
        Node child =
                make(call, parent, team ? target : null, command.name(), command.description(), command.allocateMb());
        command.adminUserIds().forEach(user -> child.grants.put(user, Set.of(Permission.READ, Permission.ADMIN)));
        parent.version++;
        return quota("Quota allocated.", child);
    }

    private Node make(
            Call call,
            @Nullable Node parent,
            @Nullable String team,
            String name,
            @Nullable String description,
            long totalMb) {
        QuotaKey key = new QuotaKey(call.caller().organizationId(), call.newId());
        Node node = new Node(key, parent, team, name, description, totalMb);
        nodes.put(key, node);
        if (parent != null) {
            parent.children.add(node);
        }
        return node;
    }

    private String release(ReleaseQuota.Command command, Call call) {
        Node node = node(command, call);
        if (node.taken() > 0) {
            throw refused(
                    "quota_not_empty",
                    Map.of("used_mb", node.used(), "reserved_mb", node.reserved(), "allocated_mb", node.allocated()));
        }
        node.deleted = true;
        node.drainToMb = null;
        node.inheritedWhenReleased = node.inheritedOwners();
        node.version++;
        if (node.parent != null) {
            node.parent.version++;
        }
        return quota("Quota released.", node);
    }

    private static String suspend(Node node, boolean suspended) {
        String word = suspended ? "suspended" : node.suspended ? "resumed" : "active";
        if (node.suspended == suspended) {
            return quota("Quota was " + word + " already.", node);
        }
        node.suspended = suspended;
        node.version++;
        return quota("Quota " + word + ".", node);
    }

    private String update(UpdateQuota.Command command, Call call) {
        Node node = node(command, call);
        Long expected = command.expectedVersion();
        if (expected != null && expected != node.version) {
            throw refused("version_mismatch", Map.of("expected_version", expected, "current_version", node.version));
        }
        if (command.key() != null && taken(command.key(), node)) {
            throw refused("key_taken", Map.of("key", command.key()));
        }
        Map<String, Object> before = node.shown();
        long totalMb = node.totalMb;
        Long drainToMb = node.drainToMb;
        if (command.totalMb() != null && command.totalMb() >= node.taken()) {
            totalMb = command.totalMb();
            drainToMb = null;
        } else if (command.totalMb() != null && Boolean.TRUE.equals(command.drain())) {
            totalMb = node.taken();
            drainToMb = command.totalMb();
        } else if (command.totalMb() != null) {
            throw refused("below_use", belowUse(node, command.totalMb()));
        } else if (Boolean.FALSE.equals(command.drain())) {
            drainToMb = null;
        }
        if (node.parent != null && totalMb > node.totalMb) {
            checkCapacity(node.parent, totalMb - node.totalMb);
        }
        resize(node, totalMb, drainToMb);
        node.name = command.name() == null ? node.name : command.name();
        node.description = command.description() == null ? node.description : command.description();
        node.shortKey = command.key() == null ? node.shortKey : command.key();
        if (command.cleared().contains("description")) {
            node.description = null;
        }
        if (command.cleared().contains("key")) {
            node.shortKey = null;
        }
        if (node.shown().equals(before)) {
            return quota("Quota was so already.", node);
        }
        node.version++;
        return quota("Quota updated.", node);
    }

    /** Whether another living quota beside the node has the key. */
    private boolean taken(String key, Node node) {
        return nodes.values().stream()
                .filter(other -> other != node && other.parent == node.parent && !other.deleted)
                .filter(other -> other.key.organizationId().equals(node.key.organizationId()))
                .anyMatch(other -> key.equals(other.shortKey));
    }

    private static void resize(Node node, long totalMb, @Nullable Long drainToMb) {
        if (node.parent != null && totalMb != node.totalMb) {
            node.parent.version++;
        }
        node.totalMb = totalMb;
        node.drainToMb = drainToMb;
    }

    private String drain(DrainQuota.Command command, Call call) {
        Node node = node(command, call);
        if (node.drainToMb == null || node.totalMb == Math.max(node.taken(), node.drainToMb)) {
            return quota("There was nothing to give back.", node);
        }
        long totalMb = Math.max(node.taken(), node.drainToMb);
        resize(node, totalMb, totalMb == node.drainToMb ? null : node.drainToMb);
        node.version++;
        return quota("Capacity given back.", node);
    }

    /** The id of the {@code number}th quota of a history, from 0. */
    static String newId(long number) {
        return "q_" + number;
    }

    private static long wanted(Node node) {
        return node.drainToMb == null ? node.totalMb : node.drainToMb;
    }

    private String exportTree(ExportTree.Command command, Call call) {
        Node top = node(command, call);
        List<String> withoutKey = new ArrayList<>();
        Map<String, Object> tree = described(top, withoutKey);
        tree.remove("key");
        tree.remove("type");
        tree.remove("target_id");
        Map<String, Object> fields = new HashMap<>();
        fields.put("tree", tree);
        fields.put("without_key", withoutKey);
        return success("Tree exported.", fields);
    }

    private static Map<String, Object> described(Node node, List<String> withoutKey) {
        Map<String, Object> fields = new TreeMap<>();
        fields.put("key", node.shortKey);
        fields.put("name", node.name);
        fields.put("type", node.team == null ? "organization" : "team");
        if (node.team != null) {
            fields.put("target_id", node.team);
        }
        if (node.description != null) {
            fields.put("description", node.description);
        }
        fields.put("total_mb", wanted(node));
        node.children.stream()
                .filter(child -> !child.deleted && child.shortKey == null)
                .map(Node::id)
                .sorted()
                .forEach(withoutKey::add);
        fields.put(
                "children",
                node.children.stream()
                        .filter(child -> !child.deleted && child.shortKey != null)
                        .sorted(Comparator.comparing(child -> Objects.requireNonNull(child.shortKey)))
                        .map(child -> described(child, withoutKey))
                        .toList());
        return fields;
    }

    /** A quota as it would be: nothing is done to its node before the whole tree is known to fit. */
    private static final class Draft {
        final @Nullable Node node;
        final @Nullable Draft parent;
        final String path;
        final @Nullable DeclaredTree tree;
        String name;

        @Nullable
        String description;

        long totalMb;

        @Nullable
        Long drainToMb;

        boolean gone;
        final List<Draft> children = new ArrayList<>();

        Draft(@Nullable Node node, @Nullable Draft parent, String path, @Nullable DeclaredTree tree) {
            this.node = node;
            this.parent = parent;
            this.path = path;
            this.tree = tree;
            this.name = node == null ? "" : node.name;
            this.description = node == null ? null : node.description;
            this.totalMb = node == null ? 0 : node.totalMb;
            this.drainToMb = node == null ? null : node.drainToMb;
            if (parent != null) {
                parent.children.add(this);
            }
        }

        long allocated() {
            return children.stream()
                    .filter(child -> !child.gone)
                    .mapToLong(child -> child.totalMb)
                    .sum();
        }

        long allocatedBefore() {
            return node == null ? 0 : node.allocated();
        }

        boolean changed() {
            return node == null
                    || gone
                    || !name.equals(node.name)
                    || !Objects.equals(description, node.description)
                    || totalMb != node.totalMb
                    || !Objects.equals(drainToMb, node.drainToMb);
        }

        @Nullable
        String team() {
            if (node != null) {
                return node.team;
            }
            DeclaredTree declared = Objects.requireNonNull(tree);
            return declared.type() == QuotaType.TEAM ? declared.targetId() : null;
        }

        int level() {
            return node != null
                    ? node.level()
                    : 1 + Objects.requireNonNull(parent).level();
        }
    }

    private String applyTree(ApplyTree.Command command, Call call) {
        List<Draft> drafts = new ArrayList<>();
        Node topNode = node(command, call);
        Draft top = new Draft(topNode, null, "", command.tree());
        NotDone refusal = null;
        try {
            draft(top, command.prune(), drafts);
        } catch (NotDone misplaced) {
            refusal = misplaced;
        }
        if (refusal == null) {
            refusal = refusal(drafts);
        } else if (command.dryRun()) {
            // The steps are shown nevertheless: of the whole tree, whatever its shape.
            drafts.clear();
            top.children.clear();
            checksShape = false;
            draft(top, command.prune(), drafts);
            checksShape = true;
        }
        List<Draft> steps = drafts.stream().filter(Draft::changed).toList();
        List<Map<String, Object>> shown = steps.stream().map(NaiveQuotas::step).toList();
        if (refusal == null && !command.dryRun()) {
            Map<Draft, Node> made = carryOut(drafts, call);
            for (int i = 0; i < steps.size(); i++) {
                Node node = made.get(steps.get(i));
                if (node != null) {
                    shown.get(i).put("quota_id", node.id());
                }
            }
        }
        if (refusal != null && !command.dryRun()) {
            throw refusal;
        }
        Map<String, Object> fields = new HashMap<>();
        fields.put("steps", shown);
        if (command.dryRun()) {
            if (refusal != null) {
                fields.put("refusal", Objects.requireNonNull(refusal.getMessage()));
            }
            return success("Nothing was changed.", fields);
        }
        return success(steps.isEmpty() ? "The tree was so already." : "Tree applied.", fields);
    }

    /** Whether a tree of a wrong shape is refused while it is drafted. */
    private boolean checksShape = true;

    private void draft(Draft draft, boolean prune, List<Draft> drafts) {
        DeclaredTree tree = Objects.requireNonNull(draft.tree);
        Node node = draft.node;
        drafts.add(draft);
        draft.name = tree.name() == null ? draft.name : tree.name();
        draft.description = tree.description() == null ? draft.description : tree.description();
        if (tree.totalMb() != null && (node == null || tree.totalMb() != wanted(node))) {
            draft.totalMb = tree.totalMb();
            draft.drainToMb = null;
        }
        List<Node> living = node == null
                ? List.of()
                : node.children.stream()
                        .filter(child -> !child.deleted)
                        .sorted(Comparator.comparing(Node::id))
                        .toList();
        Set<Node> named = new LinkedHashSet<>();
        for (DeclaredTree child : tree.children() == null ? List.<DeclaredTree>of() : tree.children()) {
            Node there = living.stream()
                    .filter(other -> Objects.requireNonNull(child.key()).equals(other.shortKey))
                    .findFirst()
                    .orElse(null);
            Draft below = new Draft(there, draft, below(draft, Objects.requireNonNull(child.key())), child);
            if (checksShape) {
                checkShape(below, draft, child);
            }
            if (there != null) {
                named.add(there);
            }
            draft(below, prune, drafts);
        }
        for (Node child : living) {
            if (!named.contains(child)) {
                if (tree.children() != null && prune) {
                    dropped(child, draft, drafts);
                } else {
                    new Draft(child, draft, "", null);
                }
            }
        }
    }

    private static void checkShape(Draft below, Draft parent, DeclaredTree child) {
        String team = child.type() == QuotaType.TEAM ? child.targetId() : null;
        boolean fits = below.node != null
                ? Objects.equals(below.node.team, team)
                : parent.team() == null || parent.team().equals(team);
        Map<String, Object> where = Map.of("key_path", below.path);
        if (!fits) {
            throw refused("hierarchy_violation", where);
        }
        if (below.level() > 15) {
            throw refused("too deep", where);
        }
    }

    private static void dropped(Node node, Draft parent, List<Draft> drafts) {
        Draft gone = new Draft(node, parent, below(parent, node.shortKey == null ? node.id() : node.shortKey), null);
        gone.gone = true;
        node.children.stream()
                .filter(child -> !child.deleted)
                .sorted(Comparator.comparing(Node::id))
                .forEach(child -> dropped(child, gone, drafts));
        drafts.add(gone);
    }

    private static String below(Draft parent, String key) {
        return parent.path.isEmpty() ? key : parent.path + "/" + key;
    }

    private static @Nullable NotDone refusal(List<Draft> drafts) {
        Draft top = drafts.get(0);
        Node topNode = Objects.requireNonNull(top.node);
        if (topNode.parent != null && top.totalMb > topNode.totalMb) {
            try {
                checkCapacity(topNode.parent, top.totalMb - topNode.totalMb);
            } catch (NotDone full) {
                return full.with("key_path", "..");
            }
        }
        for (Draft draft : drafts) {
            try {
                checkFits(draft);
            } catch (NotDone refused) {
                return refused.with("key_path", draft.path);
            }
        }
        return null;
    }

    private static void checkFits(Draft draft) {
        Node node = draft.node;
        long used = node == null ? 0 : node.used();
        long reserved = node == null ? 0 : node.reserved();
        long allocated = draft.allocated();
        if (draft.gone) {
            if (used + reserved + allocated > 0) {
                throw refused(
                        "quota_not_empty", Map.of("used_mb", used, "reserved_mb", reserved, "allocated_mb", allocated));
            }
            return;
        }
        boolean creates = draft.children.stream().anyMatch(child -> child.node == null);
        if (node != null && (creates || allocated > draft.allocatedBefore())) {
            if (node.suspender() != null) {
                throw refused(
                        "quota_suspended", Map.of("suspended_quota_id", Objects.requireNonNull(node.suspender())));
            }
            if (draft.drainToMb != null) {
                throw refused("quota_draining", Map.of("quota_id", node.id(), "drain_to_mb", draft.drainToMb));
            }
        }
        if (used + reserved + allocated <= draft.totalMb) {
            return;
        }
        if (node == null) {
            throw refused("hierarchy_violation", Map.of());
        }
        Map<String, Object> details = new HashMap<>();
        details.put("quota_id", node.id());
        Node shrunk = draft.totalMb < node.totalMb ? node : null;
        details.put("total_mb", shrunk != null ? shrunk.totalMb : draft.totalMb);
        details.put("used_mb", used);
        details.put("reserved_mb", reserved);
        long shownAllocated = shrunk != null ? allocated : draft.allocatedBefore();
        details.put("allocated_mb", shownAllocated);
        if (shrunk != null) {
            details.put("available_mb", shrunk.totalMb - used - reserved - shownAllocated);
            details.put("requested_mb", draft.totalMb);
            details.put("minimum_mb", used + reserved + allocated);
            throw refused("below_use", details);
        }
        details.put("available_mb", draft.totalMb - used - reserved - shownAllocated);
        details.put("requested_mb", allocated - shownAllocated);
        details.put("short_by_mb", used + reserved + allocated - draft.totalMb);
        throw refused("insufficient_quota", details);
    }

    private Map<Draft, Node> carryOut(List<Draft> drafts, Call call) {
        Map<Draft, Node> made = new HashMap<>();
        Set<Draft> others = new LinkedHashSet<>();
        for (Draft draft : drafts) {
            if (draft.changed() || draft.allocated() != draft.allocatedBefore()) {
                others.add(draft);
            }
        }
        Node topNode = Objects.requireNonNull(drafts.get(0).node);
        if (topNode.parent != null && drafts.get(0).totalMb != topNode.totalMb) {
            topNode.parent.version++;
        }
        int known = nodes.size();
        int count = 0;
        for (Draft draft : drafts) {
            if (draft.node != null) {
                continue;
            }
            Draft above = Objects.requireNonNull(draft.parent);
            Node parent = above.node != null ? above.node : Objects.requireNonNull(made.get(above));
            String id = count == 0 ? call.newId() : newId(known + count);
            count++;
            QuotaKey key = new QuotaKey(call.caller().organizationId(), id);
            Node node = new Node(key, parent, draft.team(), draft.name, draft.description, draft.totalMb);
            node.shortKey = Objects.requireNonNull(draft.tree).key();
            parent.children.add(node);
            nodes.put(key, node);
            made.put(draft, node);
        }
        for (Draft draft : others) {
            Node node = draft.node;
            if (node == null) {
                continue;
            }
            if (draft.gone) {
                node.inheritedWhenReleased = node.inheritedOwners();
                node.version += draft.children.isEmpty() ? 1 : 2;
                node.deleted = true;
                node.drainToMb = null;
            } else {
                node.name = draft.name;
                node.description = draft.description;
                node.totalMb = draft.totalMb;
                node.drainToMb = draft.drainToMb;
                node.version++;
            }
        }
        return made;
    }

    /** Of an update, only what is different. */
    private static Map<String, Object> step(Draft draft) {
        Node node = draft.node;
        Map<String, Object> before = null;
        Map<String, Object> after = null;
        if (node != null) {
            before = state(node.name, node.description, wanted(node), node.team);
        }
        if (!draft.gone) {
            long totalMb = draft.drainToMb == null ? draft.totalMb : draft.drainToMb;
            after = state(draft.name, draft.description, totalMb, draft.team());
        }
        if (before != null && after != null) {
            for (String field : List.copyOf(before.keySet())) {
                if (Objects.equals(before.get(field), after.get(field))) {
                    before.remove(field);
                    after.remove(field);
                }
            }
        }
        Map<String, Object> step = new TreeMap<>();
        step.put("operation", node == null ? "create" : draft.gone ? "release" : "update");
        step.put("key_path", draft.path);
        step.put("quota_id", node == null ? null : node.id());
        step.put("before", before);
        step.put("after", after);
        return step;
    }

    private static Map<String, Object> state(
            String name, @Nullable String description, long totalMb, @Nullable String team) {
        Map<String, Object> state = new TreeMap<>();
        state.put("name", name);
        state.put("description", description);
        state.put("total_mb", totalMb);
        state.put("type", team == null ? "organization" : "team");
        if (team != null) {
            state.put("target_id", team);
        }
        return state;
    }

    private String transferCapacity(TransferQuota.Command command, Call call) {
        Node from = node(command, call);
        Node to = node(command.toQuotaId(), call);
        if (from.parent == null || from.parent != to.parent) {
            throw refused("hierarchy_violation", Map.of());
        }
        long fromMb = from.totalMb - command.transferMb();
        if (fromMb < 1 || fromMb < from.taken()) {
            throw refused("below_use", belowUse(from, fromMb));
        }
        if (to.drainToMb != null) {
            throw refused("quota_draining", Map.of("quota_id", to.id(), "drain_to_mb", to.drainToMb));
        }
        from.totalMb = fromMb;
        from.drainToMb = from.drainToMb == null || from.drainToMb >= fromMb ? null : from.drainToMb;
        from.version++;
        to.totalMb += command.transferMb();
        to.version++;
        return success(
                "Capacity transferred.", Map.of("from", new TreeMap<>(from.shown()), "to", new TreeMap<>(to.shown())));
    }

    private String move(MoveQuota.Command command, Call call) {
        Node node = node(command, call);
        Node from = node.parent;
        Node to = node(command.parentQuotaId(), call);
        if (from == to) {
            return quota("Quota was there already.", node);
        }
        List<Node> members = new ArrayList<>();
        collect(node, members);
        boolean fits = to.team == null || to.team.equals(node.team);
        if (from == null || members.contains(to) || !fits) {
            throw refused("hierarchy_violation", Map.of());
        }
        int deepest = members.stream().mapToInt(Node::level).max().orElse(0);
        if (to.level() + 1 + deepest - node.level() > 15) {
            throw refused("too deep", Map.of());
        }
        boolean taken = to.children.stream()
                .anyMatch(other -> !other.deleted && node.shortKey != null && node.shortKey.equals(other.shortKey));
        if (taken) {
            throw refused("key_taken", Map.of("key", Objects.requireNonNull(node.shortKey)));
        }
        checkCapacity(to, node.totalMb);
        from.children.remove(node);
        from.version++;
        to.children.add(node);
        to.version++;
        node.parent = to;
        node.version++;
        members.forEach(member -> member.grantsVersion++);
        return quota("Quota moved.", node);
    }

    /** The node and what lives below it. */
    private static void collect(Node node, List<Node> members) {
        members.add(node);
        for (Node child : node.children) {
            if (!child.deleted) {
                collect(child, members);
            }
        }
    }

    private static Map<String, Object> belowUse(Node node, long requestedMb) {
        Map<String, Object> details = figures(node);
        details.put("minimum_mb", Math.max(1, node.taken()));
        details.put("requested_mb", requestedMb);
        return details;
    }

    private String get(GetQuota.Command command, Call call) {
        Node node = node(command, call);
        List<String> held = List.of("read");
        if (node.ownedBy(call.user(), call.shares())) {
            held = List.of("read", "admin", "owner");
        } else if (Objects.requireNonNull(call.known().byQuotaId().get(node.id()))
                .granted()
                .contains(Permission.ADMIN)) {
            held = List.of("read", "admin");
        }
        Map<String, Object> fields = node.shown();
        fields.put("my_permissions", held);
        return success("Quota found.", fields);
    }

    // Usage.

    private String allocateUsage(AllocateUsage.Command command, Call call) {
        Node node = node(command, call);
        if (command.mode() == AllocateUsage.Mode.CHECK) {
            return check(command, node);
        }
        long usageMb = command.usageMb();
        if (command.mode() == AllocateUsage.Mode.BEST_EFFORT && node.free() < usageMb) {
            long leastMb = command.minMb() == null ? 1 : command.minMb();
            usageMb = Math.max(leastMb, node.free());
        }
        checkCapacity(node, usageMb);
        return success("Usage allocated.", use(node, "allocate", command.resourceId(), usageMb, usageMb, call));
    }

    private static String check(AllocateUsage.Command command, Node node) {
        Map<String, Object> fields = figures(node);
        fields.put("resource_id", command.resourceId());
        fields.put("usage_mb", command.usageMb());
        fields.put("held_mb", node.holds.getOrDefault(command.resourceId(), 0L));
        String refusal = null;
        try {
            checkCapacity(node, command.usageMb());
        } catch (NotDone notDone) {
            refusal = notDone.getMessage();
        }
        fields.put("allowed", refusal == null);
        if (refusal != null) {
            fields.put("refusal", refusal);
        }
        return success("Usage checked.", fields);
    }

    private String deallocateUsage(DeallocateUsage.Command command, Call call) {
        Node node = node(command, call);
        checkHeld(node, command.resourceId(), command.usageMb());
        return success(
                "Usage deallocated.",
                use(node, "deallocate", command.resourceId(), command.usageMb(), -command.usageMb(), call));
    }

    private String transferUsage(TransferUsage.Command command, Call call) {
        Node from = node(command, call);
        Node to = node(command.toQuotaId(), call);
        checkHeld(from, command.resourceId(), command.usageMb());
        // Within one quota nothing more is used.
        checkCapacity(to, from == to ? 0 : command.usageMb());
        Map<String, Object> fields = new HashMap<>();
        fields.put("from", use(from, "deallocate", command.resourceId(), command.usageMb(), -command.usageMb(), call));
        fields.put("to", use(to, "allocate", command.toResourceId(), command.usageMb(), command.usageMb(), call));
        return success("Usage transferred.", fields);
    }

    private void mayBatch(BatchUsage.Command command, Call call) {
        Set<String> asked = new LinkedHashSet<>();
        for (BatchUsage.Item item : command.items()) {
            Node node = nodes.get(new QuotaKey(call.caller().organizationId(), item.quotaId()));
            try {
                if (node != null) {
                    asks(asked, () -> needs(Permission.READ, call, node));
                }
            } catch (NotDone denied) {
                // For this item alone.
            }
        }
        if (!asked.isEmpty()) {
            throw new NotDone("ask|" + asked);
        }
    }

    private String batch(BatchUsage.Command command, Call call) {
        List<Object> answers = new ArrayList<>();
        List<Runnable> undo = new ArrayList<>();
        for (int i = 0; i < command.items().size(); i++) {
            BatchUsage.Item item = command.items().get(i);
            try {
                mustExist(item.quotaId(), call, null);
                Node node = node(item.quotaId(), call);
                needs(Permission.READ, call, node);
                boolean allocates = item.verb() == BatchUsage.Verb.ALLOCATE;
                if (allocates) {
                    checkCapacity(node, item.usageMb());
                } else {
                    checkHeld(node, item.resourceId(), item.usageMb());
                }
                long differenceMb = allocates ? item.usageMb() : -item.usageMb();
                boolean held = node.holds.containsKey(item.resourceId());
                answers.add(use(
                        node,
                        allocates ? "allocate" : "deallocate",
                        item.resourceId(),
                        item.usageMb(),
                        differenceMb,
                        call));
                undo.add(() -> {
                    node.holds.merge(item.resourceId(), -differenceMb, Long::sum);
                    node.ledger.remove(node.ledger.size() - 1);
                    node.version--;
                    if (!held) {
                        node.holds.remove(item.resourceId());
                    }
                });
            } catch (NotDone refused) {
                NotDone ofItem = refused.ofItem(i);
                if (command.atomic()) {
                    Collections.reverse(undo);
                    undo.forEach(Runnable::run);
                    throw ofItem;
                }
                answers.add(String.valueOf(ofItem.getMessage()));
            }
        }
        return success("Batch carried out.", Map.of("items", answers));
    }

    private String reconcile(ReconcileUsage.Command command, Call call) {
        Node node = node(command, call);
        Instant asOf = command.asOf();
        if (asOf != null && asOf.isAfter(call.now())) {
            throw refused(
                    "invalid_request",
                    Map.of("violations", List.of(Map.of("field", "as_of", "problem", "must not be in the future"))));
        }
        Map<String, Long> observed = new LinkedHashMap<>();
        command.observed().forEach(each -> observed.put(each.resourceId(), each.usageMb()));
        if (command.complete()) {
            new TreeMap<>(node.holds).forEach((resource, mb) -> {
                if (mb > 0) {
                    observed.putIfAbsent(resource, 0L);
                }
            });
        }
        Map<String, Long> difference = new HashMap<>();
        observed.forEach((resource, mb) -> {
            long later = 0;
            for (Line line : node.ledger) {
                later +=
                        asOf != null && line.resource.equals(resource) && line.at.isAfter(asOf) ? line.differenceMb : 0;
            }
            difference.put(resource, Math.max(0, mb + later) - node.holds.getOrDefault(resource, 0L));
        });
        Map<String, String> outcomes = new HashMap<>();
        Map<String, Long> recorded = new HashMap<>(node.holds);
        long free = node.free();
        for (boolean more : new boolean[] {false, true}) {
            for (String resource : observed.keySet()) {
                long mb = Objects.requireNonNull(difference.get(resource));
                if (mb == 0) {
                    outcomes.put(resource, "unchanged");
                } else if ((mb > 0) == more && mb > free) {
                    outcomes.put(resource, "refused");
                } else if ((mb > 0) == more) {
                    outcomes.put(resource, "adjusted");
                    free -= mb;
                    if (!command.dryRun()) {
                        change(node, resource, mb, call);
                    }
                }
            }
        }
        List<Object> items = new ArrayList<>();
        observed.forEach((resource, mb) -> items.add(new TreeMap<>(Map.of(
                "resource_id", resource,
                "recorded_mb", recorded.getOrDefault(resource, 0L),
                "observed_mb", mb,
                "difference_mb", Objects.requireNonNull(difference.get(resource)),
                "outcome", Objects.requireNonNull(outcomes.get(resource))))));
        Collection<String> all = outcomes.values();
        return success(
                command.dryRun() ? "Nothing was changed." : "Usage reconciled.",
                Map.of(
                        "items", items,
                        "adjusted", Collections.frequency(all, "adjusted"),
                        "refused", Collections.frequency(all, "refused")));
    }

    private static void change(Node node, String resource, long differenceMb, Call call) {
        node.holds.merge(resource, differenceMb, Long::sum);
        node.ledger.add(new Line(resource, differenceMb, call.now()));
        node.version++;
    }

    // Increases.

    Map<String, String> increaseStatuses() {
        Map<String, String> statuses = new HashMap<>();
        asks.forEach((id, ask) -> statuses.put(id, ask.status));
        return statuses;
    }

    private Ask asked(String increaseId) {
        return Objects.requireNonNull(asks.get(increaseId));
    }

    private void mayWithdraw(WithdrawIncrease.Command command, Call call) {
        if (!asked(command.increaseId()).by.equals(call.user())) {
            throw refused("permission_denied", Map.of("required", List.of("requester")));
        }
    }

    private String ask(CreateIncrease.Command command, Call call) {
        Node node = node(command, call);
        if (node.drainToMb != null) {
            throw refused("quota_draining", Map.of("quota_id", node.id(), "drain_to_mb", node.drainToMb));
        }
        if (command.totalMb() <= node.totalMb) {
            String problem = "must be more than the " + node.totalMb + " MB that the quota has";
            throw refused(
                    "invalid_request", Map.of("violations", List.of(Map.of("field", "total_mb", "problem", problem))));
        }
        Ask ask = new Ask(node, Increase.idOf(call.operationId(), node.id()), command.totalMb(), call.user());
        asks.put(ask.id, ask);
        return success("Increase requested.", ask.shown());
    }

    private String approve(ApproveIncrease.Command command, Call call) {
        Ask ask = asked(command.increaseId());
        checkPending(ask);
        Node node = ask.node;
        if (ask.totalMb > node.totalMb) {
            if (node.parent != null) {
                checkCapacity(node.parent, ask.totalMb - node.totalMb);
            }
            resize(node, ask.totalMb, null);
            node.version++;
        }
        return end(command.increaseId(), "approved", command.reason(), call);
    }

    private static void checkPending(Ask ask) {
        if (!ask.status.equals("pending")) {
            throw refused("increase_closed", Map.of("increase_id", ask.id, "status", ask.status));
        }
    }

    private String end(String increaseId, String status, @Nullable String reason, Call call) {
        Ask ask = asked(increaseId);
        checkPending(ask);
        ask.status = status;
        ask.decidedBy = call.user();
        ask.decisionReason = reason;
        return success("Increase " + status + ".", ask.shown());
    }

    // Reservations.

    private static @Nullable String reservationId(Input command) {
        if (command instanceof CommitReservation.Command commit) {
            return commit.reservationId();
        } else if (command instanceof CancelReservation.Command cancel) {
            return cancel.reservationId();
        } else if (command instanceof ExtendReservation.Command extend) {
            return extend.reservationId();
        }
        return command instanceof GetReservation.Command get ? get.reservationId() : null;
    }

    private Hold hold(Input command, Call call) {
        String id = Objects.requireNonNull(reservationId(command));
        return Objects.requireNonNull(node(command, call).reservations.get(id));
    }

    private String reserve(CreateReservation.Command command, Call call) {
        Node node = node(command, call);
        checkCapacity(node, command.reserveMb());
        Instant expiresAt = call.now().plusSeconds(command.ttlSeconds());
        Hold hold =
                new Hold(Reservation.idOf(call.operationId()), command.resourceId(), command.reserveMb(), expiresAt);
        node.reservations.put(hold.id, hold);
        node.version++;
        return success("Capacity reserved.", hold.shown(node));
    }

    private String commit(CommitReservation.Command command, Call call) {
        Node node = node(command, call);
        Hold hold = hold(command, call);
        checkUsable(node, hold);
        long usageMb = command.usageMb() == null ? hold.reservedMb : command.usageMb();
        if (usageMb > hold.reservedMb) {
            Map<String, Object> details = new HashMap<>();
            details.put("reservation_id", hold.id);
            details.put("resource_id", hold.resource);
            details.put("held_mb", hold.reservedMb);
            details.put("requested_mb", usageMb);
            throw refused("insufficient_usage", details);
        }
        hold.status = "committed";
        hold.committedMb = usageMb;
        change(node, hold.resource, usageMb, call);
        Map<String, Object> fields = hold.shown(node);
        fields.put("held_mb", node.holds.get(hold.resource));
        return success("Reservation committed.", fields);
    }

    private String cancel(CancelReservation.Command command, Call call) {
        Node node = node(command, call);
        Hold hold = hold(command, call);
        if (!hold.status.equals("held")) {
            throw refused("reservation_closed", hold.refusal());
        }
        hold.status = "cancelled";
        node.version++;
        return success("Reservation cancelled.", hold.shown(node));
    }

    private String extend(ExtendReservation.Command command, Call call) {
        Node node = node(command, call);
        Hold hold = hold(command, call);
        checkUsable(node, hold);
        hold.expiresAt = call.now().plusSeconds(command.ttlSeconds());
        node.version++;
        return success("Reservation extended.", hold.shown(node));
    }

    private static void checkUsable(Node node, Hold hold) {
        if (!hold.status.equals("held")) {
            throw refused(hold.status.equals("expired") ? "reservation_expired" : "reservation_closed", hold.refusal());
        }
        if (node.suspender() != null) {
            throw refused("quota_suspended", Map.of("suspended_quota_id", node.suspender()));
        }
    }

    private String getReservation(GetReservation.Command command, Call call) {
        Hold hold = hold(command, call);
        Map<String, Object> fields = hold.shown(node(command, call));
        if (hold.due(call.now())) {
            fields.put("status", "expired");
        }
        return success("Reservation found.", fields);
    }

    private String expire(ExpireReservations.Command command, Call call) {
        Node node = node(command, call);
        boolean any = false;
        for (Hold hold : node.reservations.values()) {
            if (hold.due(call.now())) {
                hold.status = "expired";
                node.version++;
                any = true;
            }
        }
        return success(any ? "Expired reservations ended." : "No reservation has expired.", Map.of());
    }

    private static void checkHeld(Node node, String resourceId, long usageMb) {
        long held = node.holds.getOrDefault(resourceId, 0L);
        if (held < usageMb) {
            Map<String, Object> details = new HashMap<>();
            details.put("resource_id", resourceId);
            details.put("held_mb", held);
            details.put("requested_mb", usageMb);
            throw refused("insufficient_usage", details);
        }
    }

    private static Map<String, Object> use(
            Node node, String verb, String resourceId, long usageMb, long differenceMb, Call call) {
        change(node, resourceId, differenceMb, call);
        Map<String, Object> fields = new TreeMap<>();
        fields.put("quota_id", node.id());
        fields.put("resource_id", resourceId);
        fields.put("operation", verb);
        fields.put("usage_mb", usageMb);
        fields.put("held_mb", node.holds.get(resourceId));
        fields.put("total_mb", node.totalMb);
        fields.put("used_mb", node.used());
        fields.put("reserved_mb", node.reserved());
        fields.put("allocated_mb", node.allocated());
        fields.put("available_mb", node.free());
        return fields;
    }

    private static void checkCapacity(Node node, long requestedMb) {
        String suspender = node.suspender();
        if (suspender != null) {
            throw refused("quota_suspended", Map.of("suspended_quota_id", suspender));
        }
        if (node.drainToMb != null) {
            throw refused("quota_draining", Map.of("quota_id", node.id(), "drain_to_mb", node.drainToMb));
        }
        if (node.free() < requestedMb) {
            Map<String, Object> details = figures(node);
            details.put("requested_mb", requestedMb);
            details.put("short_by_mb", requestedMb - node.free());
            throw refused("insufficient_quota", details);
        }
    }

    private static Map<String, Object> figures(Node node) {
        Map<String, Object> figures = new HashMap<>();
        figures.put("quota_id", node.id());
        figures.put("total_mb", node.totalMb);
        figures.put("used_mb", node.used());
        figures.put("reserved_mb", node.reserved());
        figures.put("allocated_mb", node.allocated());
        figures.put("available_mb", node.free());
        return figures;
    }

    // Permissions.

    private String grant(GrantPermission.Command command, Call call) {
        Node node = node(command, call);
        checkTold(call, "grant", command.quotaId(), command.targetUserId(), command.permissions());
        Set<Permission> granted = granted(node, command.targetUserId());
        boolean changed = false;
        for (Permission permission : command.permissions()) {
            changed |=
                    permission == Permission.OWNER ? node.owners.add(command.targetUserId()) : granted.add(permission);
        }
        return permissions("Permission granted.", node, command.targetUserId(), granted, changed);
    }

    private String revoke(RevokePermission.Command command, Call call) {
        Node node = node(command, call);
        String target = command.targetUserId();
        if (command.permissions().contains(Permission.OWNER)
                && node.parent == null
                && node.owners.equals(Set.of(target))) {
            throw refused("last_owner", Map.of());
        }
        checkTold(call, "revoke", command.quotaId(), target, command.permissions());
        Set<Permission> granted = granted(node, target);
        boolean changed = false;
        for (Permission permission : command.permissions()) {
            changed |= permission == Permission.OWNER ? node.owners.remove(target) : granted.remove(permission);
        }
        if (node.parent == null && !node.owners.contains(node.namedOwner)) {
            node.namedOwner = node.owners.iterator().next();
        }
        return permissions("Permission revoked.", node, target, granted, changed);
    }

    private static Set<Permission> granted(Node node, String userId) {
        return new TreeSet<>(node.grants.getOrDefault(userId, Set.of()));
    }

    private static String permissions(
            String message, Node node, String userId, Set<Permission> granted, boolean changed) {
        node.grants.put(userId, granted);
        node.grantsVersion++;
        node.version += changed ? 1 : 0;
        List<String> held = new ArrayList<>();
        granted.forEach(permission -> held.add(permission.wireName()));
        if (node.ownedBy(userId)) {
            held.add("owner");
        }
        return success(message, Map.of("quota_id", node.id(), "target_user_id", userId, "permissions", held));
    }

    private static void checkTold(Call call, String verb, String quotaId, String userId, List<Permission> permissions) {
        if (!call.toldAuth()) {
            throw new NotDone(tell(call.user(), verb, quotaId, userId, permissions));
        }
    }

    // Words.

    static String tell(String callerId, String verb, String quotaId, String userId, List<Permission> permissions) {
        return "tell|" + callerId + " wants to " + verb + " " + permissions + " on " + quotaId + " of " + userId;
    }

    private static String quota(String message, Node node) {
        return success(message, node.shown());
    }

    /** @param fields of the answer, those aside that only repeat the request or a clock */
    static String success(String message, Map<String, Object> fields) {
        return message + "|" + new TreeMap<>(fields);
    }

    static String refusal(String code, Map<String, Object> details) {
        return code + "|" + new TreeMap<>(details);
    }

    private static NotDone refused(String code, Map<String, Object> details) {
        return new NotDone(code, details);
    }
}
