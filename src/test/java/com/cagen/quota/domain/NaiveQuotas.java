package com.cagen.quota.domain;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The contract once more, as plainly as possible: mutable nodes, one operation at a time, nothing stored that can be added
 * up or looked up. Knows nothing of rows, batches, folded figures or a stored "suspended by". Answers are texts.
 */
final class NaiveQuotas {
    /** One quota. */
    static final class Node {
        final String id;
        final @Nullable Node parent;
        final @Nullable String team;
        final long totalMb;
        final List<Node> children = new ArrayList<>();
        final Map<String, Long> holds = new LinkedHashMap<>();
        final Set<String> owners = new HashSet<>();
        boolean suspended;
        boolean deleted;
        long version = 1;
        long grantsVersion = 1;

        Node(String id, @Nullable Node parent, @Nullable String team, long totalMb) {
            this.id = id;
            this.parent = parent;
            this.team = team;
            this.totalMb = totalMb;
        }

        long used() {
            return holds.values().stream().mapToLong(Long::longValue).sum();
        }

        long allocated() {
            return children.stream()
                    .filter(child -> !child.deleted)
                    .mapToLong(child -> child.totalMb)
                    .sum();
        }

        long free() {
            return totalMb - used() - allocated();
        }

        boolean has(String userId) {
            return owners.contains(userId) || (parent != null && parent.has(userId));
        }

        String suspender() {
            if (suspended) {
                return id;
            }
            return parent == null ? "nobody" : parent.suspender();
        }

        int depth() {
            return parent == null ? 1 : 1 + parent.depth();
        }
    }

    /** By organization and id. */
    final Map<String, Node> nodes = new LinkedHashMap<>();

    /** What was done under a key: the text of its request, and its number. */
    private final Map<String, String[]> done = new LinkedHashMap<>();

    Node add(String organizationId, String id, @Nullable Node parent, @Nullable String team, long totalMb) {
        Node node = new Node(id, parent, team, totalMb);
        nodes.put(organizationId + "/" + id, node);
        if (parent != null) {
            parent.children.add(node);
        }
        return node;
    }

    /** A usage or a read by a user, with everything that comes before the rules. */
    String operate(int number, Request request, boolean nonceAccepted, KnownGrants known) {
        if (!nonceAccepted) {
            return "credential_replayed";
        }
        Operation.OnQuota operation = (Operation.OnQuota) request.operation();
        Caller caller = request.caller();
        Node node = nodes.get(caller.organizationId() + "/" + operation.quotaId());
        String key = caller.organizationId() + "/" + caller.serviceId() + "/" + request.idempotencyKey();
        String[] before = request.idempotencyKey() == null ? null : done.get(key);
        if (node == null || (node.deleted && before == null)) {
            return "quota_not_found";
        }
        if (!node.has(caller.userId())) {
            KnownGrants.Entry entry = known.byQuotaId().get(node.id);
            if (entry == null || entry.grantsVersion() != node.grantsVersion) {
                return "ask " + node.id;
            }
            if (entry.granted().isEmpty()) {
                return "permission_denied";
            }
        }
        String text = caller.userId() + " wants " + operation;
        if (before != null) {
            return before[0].equals(text) ? "repeat of " + before[1] : "idempotency_key_reused";
        }
        if (operation instanceof Operation.GetQuota) {
            return "read used " + node.used() + " version " + node.version + " suspended by " + node.suspender();
        }
        String answer = use(node, (Operation.Usage) operation);
        if (answer.startsWith("used") && request.idempotencyKey() != null) {
            done.put(key, new String[] {text, "" + number});
        }
        return answer;
    }

    /** A usage by the rules alone. */
    String use(Node node, Operation.Usage usage) {
        long held = node.holds.getOrDefault(usage.resourceId(), 0L);
        if (usage instanceof Operation.DeallocateUsage) {
            if (held < usage.usageMb()) {
                return "insufficient_usage " + held;
            }
            node.holds.put(usage.resourceId(), held - usage.usageMb());
        } else {
            if (!node.suspender().equals("nobody")) {
                return "quota_suspended " + node.suspender();
            }
            if (node.free() < usage.usageMb()) {
                return "insufficient_quota " + node.free();
            }
            node.holds.put(usage.resourceId(), held + usage.usageMb());
        }
        node.version++;
        return "used " + node.used() + " held " + node.holds.get(usage.resourceId()) + " version " + node.version;
    }

    /** Cuts a child out; {@code team} null for the organization's. */
    String allocate(String organizationId, Node parent, String childId, @Nullable String team, long mb) {
        boolean fits = parent.team == null || parent.team.equals(team);
        if (!fits || parent.depth() == 16) {
            return "hierarchy_violation" + (fits ? " too deep" : "");
        }
        if (!parent.suspender().equals("nobody")) {
            return "quota_suspended " + parent.suspender();
        }
        if (parent.free() < mb) {
            return "insufficient_quota " + parent.free();
        }
        add(organizationId, childId, parent, team, mb);
        parent.version++;
        return "done";
    }

    String release(Node node) {
        if (node.used() > 0 || node.allocated() > 0) {
            return "quota_not_empty " + node.used() + " " + node.allocated();
        }
        node.deleted = true;
        node.version++;
        if (node.parent != null) {
            node.parent.version++;
        }
        return "done";
    }

    /** A decision in the words of this model; {@code numberOf} turns an item's place in its batch into its number. */
    static String inWords(Decision decision, IntUnaryOperator numberOf) {
        if (decision instanceof Decision.Usage usage) {
            return "used " + usage.after().usedMb() + " held " + usage.heldMb() + " version "
                    + usage.after().version();
        }
        if (decision instanceof Decision.Read read) {
            Quota quota = read.quota();
            String suspender = quota.suspendedBy() == null ? "nobody" : quota.suspendedBy();
            return "read used " + quota.usedMb() + " version " + quota.version() + " suspended by " + suspender;
        }
        if (decision instanceof Decision.NeedsGrant ask) {
            return "ask " + String.join(",", ask.quotaIds());
        }
        if (decision instanceof Decision.SameAs same) {
            return "repeat of " + numberOf.applyAsInt(same.item());
        }
        if (decision instanceof Decision.Replay replay) {
            return "repeat of " + replay.answer().data();
        }
        Refusal refusal = (Refusal) decision;
        Map<String, Object> details = refusal.details();
        return refusal.code().wireName()
                + switch (refusal.code()) {
                    case INSUFFICIENT_USAGE -> " " + details.get("held_mb");
                    case INSUFFICIENT_QUOTA -> " " + details.get("available_mb");
                    case QUOTA_SUSPENDED -> " " + details.get("suspended_quota_id");
                    case QUOTA_NOT_EMPTY -> " " + details.get("used_mb") + " " + details.get("allocated_mb");
                    case HIERARCHY_VIOLATION -> refusal.message().contains("levels deep") ? " too deep" : "";
                    default -> "";
                };
    }
}
