package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.quota.Capacity;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.QuotaStatus;
import com.cagen.quota.protocol.QuotaType;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What makes a quota and what is below it as a {@link DeclaredTree} says. Only the figures that each quota has in the end are held
 * against its total, so the steps need no order. Built and used by one decision.
 */
final class TreePlan {
    private static final int NAME_BYTES = 16;
    /** In no id, name or description. */
    private static final char END = '\u0000';

    private static final String ABSENT = "\u0001";

    private final Quota top;
    private final @Nullable Quota parentOfTop;
    private final Map<String, List<Quota>> living;
    private final boolean prune;
    private final Context context;
    /** Parents before children, unless they are released. */
    private final List<Planned> planned = new ArrayList<>();

    private @Nullable Refusal misplaced;

    /**
     * @param parentOfTop null of a root
     * @param below every living quota below {@code top}
     * @param prune whether children that the tree has no entry for are released
     */
    TreePlan(
            Quota top,
            @Nullable Quota parentOfTop,
            List<Quota> below,
            DeclaredTree tree,
            boolean prune,
            Context context) {
        this.top = top;
        this.parentOfTop = parentOfTop;
        this.living = below.stream()
                .sorted(Comparator.comparing(Quota::id))
                .collect(Collectors.groupingBy(quota -> Objects.requireNonNull(quota.parentId())));
        this.prune = prune;
        this.context = context;
        change(top, tree, "");
    }

    private enum Kind {
        CREATE,
        UPDATE,
        RELEASE;

        String wireName() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** One quota that the tree names, or that is released. */
    private static final class Planned {
        private final String keyPath;
        /** Null for a new one. */
        private final @Nullable Quota before;
        /** As it is when nothing is given to others or back; its row, for one that is released. */
        private final Quota draft;

        private final boolean released;
        /** By how much the totals of its children grow together, in megabytes. */
        private long givenMb;

        private boolean creates;

        Planned(String keyPath, @Nullable Quota before, Quota draft, boolean released) {
            this.keyPath = keyPath;
            this.before = before;
            this.draft = draft;
            this.released = released;
        }

        /** Null when nothing is to be done to the quota itself. */
        private @Nullable Kind step() {
            if (before == null) {
                return Kind.CREATE;
            }
            if (released) {
                return Kind.RELEASE;
            }
            boolean same =
                    draft.label().equals(before.label()) && draft.figures().equals(before.figures());
            return same ? null : Kind.UPDATE;
        }

        /** By how much its total grows, in megabytes. */
        private long moreMb() {
            long beforeMb = before == null ? 0 : before.totalMb();
            return (released ? 0 : draft.totalMb()) - beforeMb;
        }
    }

    private Planned change(Quota quota, DeclaredTree tree, String keyPath) {
        Quota.Label label = new Quota.Label(
                tree.name() == null ? quota.name() : tree.name(),
                tree.description() == null ? quota.description() : tree.description(),
                quota.key());
        Quota.Figures figures = tree.totalMb() == null || tree.totalMb() == quota.wantedMb()
                ? quota.figures()
                : quota.figures().withTotal(tree.totalMb(), null);
        Planned change = new Planned(keyPath, quota, quota.updated(label, figures, context.now()), false);
        planned.add(change);
        if (tree.children() != null) {
            changeChildren(change, tree.children());
        }
        return change;
    }

    private void changeChildren(Planned parent, List<DeclaredTree> children) {
        Map<String, Quota> byKey = new HashMap<>();
        List<Quota> existing = living.getOrDefault(parent.draft.id(), List.of());
        existing.forEach(child -> {
            if (child.key() != null) {
                byKey.put(child.key(), child);
            }
        });
        for (DeclaredTree child : children) {
            Quota there = byKey.get(child.key());
            String keyPath = below(parent, Objects.requireNonNull(child.key()));
            if (there == null) {
                parent.creates = true;
                parent.givenMb += create(parent.draft, child, keyPath).moreMb();
            } else {
                mustBeTheSame(there, child, keyPath);
                parent.givenMb += change(there, child, keyPath).moreMb();
            }
        }
        if (prune) {
            Set<String> kept = new HashSet<>();
            children.forEach(child -> kept.add(Objects.requireNonNull(child.key())));
            for (Quota child : existing) {
                if (child.key() == null || !kept.contains(child.key())) {
                    parent.givenMb += release(child, below(parent, child)).moreMb();
                }
            }
        }
    }

    private static String below(Planned parent, Quota child) {
        return below(parent, child.key() == null ? child.id() : child.key());
    }

    private static String below(Planned parent, String key) {
        return parent.keyPath.isEmpty() ? key : parent.keyPath + "/" + key;
    }

    private Planned create(Quota parent, DeclaredTree tree, String keyPath) {
        QuotaType type = Objects.requireNonNull(tree.type());
        String teamId = type == QuotaType.TEAM ? tree.targetId() : null;
        Quota quota = Quota.created(
                parent.placement().child(context.quotaIds().get(), type, teamId),
                new Quota.Label(Objects.requireNonNull(tree.name()), tree.description(), tree.key()),
                parent.ownership().inherited(),
                Objects.requireNonNull(tree.totalMb()),
                context.now());
        Refusal wrong = Hierarchy.misplaced(quota, parent);
        refuseTree(wrong == null && !isOwn(tree) ? Hierarchy.foreign() : wrong, keyPath);
        refuseTree(Hierarchy.tooDeep(parent, 0), keyPath);
        Planned created = new Planned(keyPath, null, quota, false);
        planned.add(created);
        if (tree.children() != null) {
            changeChildren(created, tree.children());
        }
        return created;
    }

    /** What is below goes first. */
    private Planned release(Quota quota, String keyPath) {
        Planned released = new Planned(keyPath, quota, quota, true);
        for (Quota child : living.getOrDefault(quota.id(), List.of())) {
            released.givenMb += release(child, below(released, child)).moreMb();
        }
        planned.add(released);
        return released;
    }

    /** An organization's quota is for the caller's organization, named or not. */
    private boolean isOwn(DeclaredTree tree) {
        return tree.type() == QuotaType.TEAM
                || tree.targetId() == null
                || tree.targetId().equals(top.organizationId());
    }

    private void mustBeTheSame(Quota quota, DeclaredTree tree, String keyPath) {
        boolean same = quota.type() == tree.type()
                && (quota.type() == QuotaType.TEAM ? Objects.equals(quota.teamId(), tree.targetId()) : isOwn(tree));
        refuseTree(
                same ? null : Hierarchy.violation("A quota's type and team stay as they were when it was made."),
                keyPath);
    }

    private void refuseTree(@Nullable Refusal refusal, String keyPath) {
        if (misplaced == null && refusal != null) {
            misplaced = at(refusal, keyPath);
        }
    }

    /** How many quotas there are more afterwards. */
    private long moreQuotas() {
        long created =
                planned.stream().filter(change -> change.step() == Kind.CREATE).count();
        return created
                - planned.stream()
                        .filter(change -> change.step() == Kind.RELEASE)
                        .count();
    }

    /**
     * The first reason against it, which names the quota in {@code key_path}; null when it is allowed. The shape of the tree comes
     * first, then the figures.
     */
    @Nullable
    Refusal refusal(long treeSize) {
        if (misplaced != null) {
            return misplaced;
        }
        long more = moreQuotas();
        Refusal tooMany = more > 0 ? Hierarchy.tooManyQuotas(treeSize, more) : null;
        if (tooMany != null) {
            return tooMany;
        }
        long moreMb = planned.get(0).moreMb();
        if (parentOfTop != null && moreMb > 0) {
            Refusal noCapacity = Capacity.refusal(parentOfTop, moreMb);
            if (noCapacity != null) {
                return at(noCapacity, "..");
            }
        }
        for (Planned change : planned) {
            Refusal refusal = refusal(change);
            if (refusal != null) {
                return at(refusal, change.keyPath);
            }
        }
        return null;
    }

    private static @Nullable Refusal refusal(Planned change) {
        Quota quota = change.draft;
        if (change.released) {
            Quota emptied = given(change.draft, change.givenMb);
            return emptied.figures().takenMb() > 0 ? ReleaseQuota.notEmpty(emptied) : null;
        }
        if (change.creates || change.givenMb > 0) {
            Refusal closed = Capacity.refusal(quota, 0);
            if (closed != null && closed.code() != ErrorCode.INSUFFICIENT_QUOTA) {
                return closed;
            }
        }
        if (quota.availableMb() >= change.givenMb) {
            return null;
        }
        if (change.before == null) {
            return Hierarchy.violation("The quota is to have " + quota.totalMb() + " MB, and its children "
                    + change.givenMb + " MB together.");
        }
        return quota.totalMb() < change.before.totalMb()
                ? Refusal.belowUse(given(change.before, change.givenMb), quota.totalMb())
                : Refusal.insufficientQuota(quota, change.givenMb);
    }

    /** The quota in the same version, with {@code givenMb} more allocated. */
    private static Quota given(Quota quota, long givenMb) {
        return new Quota(
                quota.placement(),
                quota.label(),
                quota.ownership(),
                quota.figures().withUse(quota.usedMb(), quota.allocatedMb() + givenMb),
                quota.status(),
                quota.suspendedBy(),
                quota.version(),
                quota.createdAt(),
                quota.updatedAt(),
                quota.deletedAt());
    }

    private static Refusal at(Refusal refusal, String keyPath) {
        Map<String, Object> details = new LinkedHashMap<>(refusal.details());
        details.put("key_path", keyPath);
        String where = keyPath.isEmpty() ? "The top of the tree" : keyPath.equals("..") ? "The parent" : keyPath;
        return new Refusal(refusal.code(), where + ": " + refusal.message(), details);
    }

    boolean hasSteps() {
        return planned.stream().anyMatch(change -> change.step() != null);
    }

    /** Adds what it does to each quota. A quota below which something is released, and which is released itself, has two versions. */
    void addTo(Change change) {
        for (Planned each : planned) {
            Quota before = each.before;
            if (before == null) {
                Quota created = given(each.draft, each.givenMb);
                change.quota(QuotaChange.created(created, List.of()))
                        .register(created.id(), Registrations.of(created, context.caller(), List.of()));
            } else if (each.released) {
                Quota emptied = before;
                if (each.givenMb != 0) {
                    emptied = before.withFigures(before.usedMb(), before.allocatedMb() + each.givenMb, context.now());
                    change.quota(QuotaChange.of(before, emptied));
                }
                change.quota(QuotaChange.of(
                        emptied, emptied.withStatus(QuotaStatus.DELETED, emptied.suspendedBy(), context.now())));
            } else if (each.step() != null || each.givenMb != 0) {
                change.quota(QuotaChange.of(before, given(each.draft, each.givenMb)));
            }
        }
        long moreMb = planned.get(0).moreMb();
        if (parentOfTop != null && moreMb != 0) {
            change.quota(QuotaChange.of(
                    parentOfTop,
                    parentOfTop.withFigures(parentOfTop.usedMb(), parentOfTop.allocatedMb() + moreMb, context.now())));
        }
        if (change.quotas().isEmpty()) {
            change.quota(QuotaChange.of(top, top));
        }
    }

    /** @param made whether new quotas exist, so that they have ids */
    void writeSteps(JsonText json, boolean made) {
        List<Planned> steps =
                planned.stream().filter(change -> change.step() != null).toList();
        json.objects("steps", steps, (change, step) -> {
            Kind kind = Objects.requireNonNull(change.step());
            step.put("operation", kind.wireName()).put("key_path", change.keyPath);
            step.put("quota_id", kind == Kind.CREATE && !made ? null : change.draft.id());
            writeState("before", change.before, change.released ? null : change.draft, step);
            writeState("after", change.released ? null : change.draft, change.before, step);
        });
    }

    /** Of an update, what is different; else all of it. */
    private static void writeState(String name, @Nullable Quota quota, @Nullable Quota other, JsonText step) {
        if (quota == null) {
            step.put(name, (String) null);
            return;
        }
        step.object(name, fields -> {
            if (other == null || !quota.name().equals(other.name())) {
                fields.put("name", quota.name());
            }
            if (other == null || !Objects.equals(quota.description(), other.description())) {
                fields.cutText("description", quota.description());
            }
            if (other == null || quota.wantedMb() != other.wantedMb()) {
                fields.put("total_mb", quota.wantedMb());
            }
            if (other == null) {
                fields.put("type", quota.type().wireName()).putIfPresent("target_id", quota.teamId());
            }
        });
    }

    /**
     * Names the state that the plan was made from, and its steps: usage and reservations aside, as they change all the time and are
     * held against the totals anyway.
     */
    String name() {
        StringBuilder text = new StringBuilder();
        addState(top, text);
        living.values().stream()
                .flatMap(List::stream)
                .sorted(Comparator.comparing(Quota::id))
                .forEach(quota -> addState(quota, text));
        text.append(JsonText.object(json -> writeSteps(json, false)));
        try {
            byte[] digest =
                    MessageDigest.getInstance("SHA-256").digest(text.toString().getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(Arrays.copyOf(digest, NAME_BYTES));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java platform has it
        }
    }

    private static void addState(Quota quota, StringBuilder text) {
        for (Object value : Arrays.asList(
                quota.id(),
                quota.parentId(),
                quota.key(),
                quota.name(),
                quota.description(),
                quota.type(),
                quota.teamId(),
                quota.totalMb(),
                quota.drainToMb(),
                quota.status(),
                quota.suspendedBy())) {
            text.append(value == null ? ABSENT : value).append(END);
        }
    }
}
