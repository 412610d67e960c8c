package com.cagen.quota.engine.operation;

import com.cagen.quota.domain.access.AuthMessage;
import com.cagen.quota.domain.quota.Increase;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Refusal;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What an operation does, as data: rows before and after, messages, the answer. The engine writes all of it in one transaction,
 * and derives the ledger, the audit entries and the events from it. Built by one operation, then read only.
 */
public final class Change {
    private final String message;
    private final List<QuotaChange> quotas = new ArrayList<>(2);
    // Most changes have none of these.
    private Map<Tally, Integer> tallies = Map.of();
    private Map<Integer, String> reasons = Map.of();
    private List<Refusal> refusals = List.of();
    private final List<Registration> registrations = new ArrayList<>(0);
    private @Nullable Increase increase;
    private boolean entryForEachQuota;
    private @Nullable MoveBelow moveBelow;
    private @Nullable OwnersBelow ownersBelow;
    private @Nullable SuspensionBelow suspensionBelow;
    private String data = "{}";

    /**
     * What an audit entry tells of.
     *
     * @param reason the entry's own; null when it has none, or what was asked says it
     */
    public record Entry(List<QuotaChange> quotas, @Nullable String reason) {}

    /** What the auth service is told of a new quota once this is committed. */
    public record Registration(String quotaId, AuthMessage message) {}

    /**
     * The living quotas below {@code root} inherit the owners that it has afterwards. Those are no changes of their own: their
     * versions stay.
     */
    public record OwnersBelow(Quota root) {}

    /**
     * The living quotas below {@code root} whose nearest suspended quota was {@code before} have {@code after} instead; null is
     * none. Those that a nearer quota suspends stay as they are. No versions change.
     */
    public record SuspensionBelow(
            Quota root, @Nullable String before, @Nullable String after) {}

    /** The living quotas below {@code before} are below {@code after} from now on, which is the same quota in its new place. */
    public record MoveBelow(Quota before, Quota after) {}

    private Change(String message) {
        this.message = message;
    }

    /** @param message a short sentence for people */
    public static Change of(String message) {
        return new Change(message);
    }

    /**
     * What happens to a quota, in the order in which it happens. The audit entry is about the first one. A quota that gets several
     * versions is named once for each.
     */
    public Change quota(QuotaChange change) {
        quotas.add(change);
        return this;
    }

    /** Each quota has an audit entry and an event of its own; together they are the operation's. */
    public Change entryForEachQuota() {
        entryForEachQuota = true;
        return this;
    }

    /** A request for a larger quota that is made or ended. */
    public Change increase(Increase newIncrease) {
        increase = newIncrease;
        return this;
    }

    public @Nullable Increase increase() {
        return increase;
    }

    /** Counts something for metrics, once it is committed. */
    public Change count(Tally tally) {
        tallies = tallies.isEmpty() ? new EnumMap<>(Tally.class) : tallies;
        tallies.merge(tally, 1, Integer::sum);
        return this;
    }

    public Map<Tally, Integer> tallies() {
        return tallies;
    }

    /** Why the last one of the quotas changes, when each has a reason of its own; null for none. */
    public Change reason(@Nullable String reason) {
        if (reason != null) {
            reasons = reasons.isEmpty() ? new HashMap<>() : reasons;
            reasons.put(quotas.size() - 1, reason);
        }
        return this;
    }

    /** A part of the request that is not done, while others are. It is audited as a refusal. */
    public Change refused(Refusal refusal) {
        refusals = refusals.isEmpty() ? new ArrayList<>() : refusals;
        refusals.add(refusal);
        return this;
    }

    /** The quotas below one that gets another parent come along. Their versions stay. */
    public Change moveBelow(Quota before, Quota after) {
        moveBelow = new MoveBelow(before, after);
        return this;
    }

    /** Owners that a quota passes on; its subtree is locked. */
    public Change ownersBelow(Quota root) {
        ownersBelow = new OwnersBelow(root);
        return this;
    }

    /** The suspension that a quota passes on; its subtree is locked. */
    public Change suspensionBelow(Quota root, @Nullable String before, @Nullable String after) {
        suspensionBelow = new SuspensionBelow(root, before, after);
        return this;
    }

    public Change register(String quotaId, AuthMessage authMessage) {
        registrations.add(new Registration(quotaId, authMessage));
        return this;
    }

    /** The answer's {@code data} object. */
    public Change answer(Consumer<JsonText> fields) {
        data = JsonText.object(fields);
        return this;
    }

    public String message() {
        return message;
    }

    /** The JSON text of the answer's {@code data} object. */
    public String data() {
        return data;
    }

    /** One at least, unless everything is refused. */
    public List<QuotaChange> quotas() {
        return quotas;
    }

    public List<Refusal> refusals() {
        return refusals;
    }

    /** The changes of each audit entry of what is done. */
    public List<Entry> entries() {
        if (!entryForEachQuota) {
            return List.of(new Entry(quotas, null));
        }
        List<Entry> entries = new ArrayList<>(quotas.size());
        for (int i = 0; i < quotas.size(); i++) {
            entries.add(new Entry(List.of(quotas.get(i)), reasons.get(i)));
        }
        return entries;
    }

    /** Whether the entries must say which resource they are about, as what was asked names several. */
    public boolean namesResources() {
        return entryForEachQuota || quotas.size() > 1;
    }

    public @Nullable MoveBelow moveBelow() {
        return moveBelow;
    }

    public @Nullable OwnersBelow ownersBelow() {
        return ownersBelow;
    }

    public @Nullable SuspensionBelow suspensionBelow() {
        return suspensionBelow;
    }

    public List<Registration> registrations() {
        return registrations;
    }
}
