package com.cagen.quota.engine.operation;

import com.cagen.quota.domain.access.AuthMessage;
import com.cagen.quota.domain.quota.LedgerEntry;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.protocol.Permission;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What an operation does, as data: rows afterwards, messages, the answer and the audit entry. The engine writes all of it in
 * one transaction. Built by one operation, then read only.
 */
public final class Change {
    private final String message;
    private final List<Quota> created = new ArrayList<>(0);
    private final List<Quota> quotas = new ArrayList<>(2);
    private final List<Held> holdings = new ArrayList<>(1);
    private final List<LedgerEntry> ledger = new ArrayList<>(1);
    private final List<Granted> grants = new ArrayList<>(0);
    private final List<Registration> registrations = new ArrayList<>(0);
    private final List<Entry> entries = new ArrayList<>(1);
    private @Nullable OwnersBelow ownersBelow;
    private @Nullable SuspensionBelow suspensionBelow;
    private String data = "{}";

    /** What a resource holds on a quota afterwards, in megabytes. */
    public record Held(String quotaId, String resourceId, long heldMb) {}

    /** What a user is granted on a quota afterwards, ownership aside; possibly nothing. */
    public record Granted(String quotaId, String userId, Set<Permission> permissions) {}

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

    /**
     * One audit entry.
     *
     * @param quota the quota that it is about, as it is afterwards
     * @param changed whether the operation gave the quota a new version
     * @param figures writes what was before and after
     */
    public record Entry(Quota quota, boolean changed, Consumer<JsonText> figures) {}

    private Change(String message) {
        this.message = message;
    }

    /** @param message a short sentence for people */
    public static Change of(String message) {
        return new Change(message);
    }

    /** A new quota. */
    public Change create(Quota quota) {
        created.add(quota);
        return this;
    }

    /** A quota afterwards. */
    public Change quota(Quota after) {
        quotas.add(after);
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

    public Change held(String quotaId, String resourceId, long heldMb) {
        holdings.add(new Held(quotaId, resourceId, heldMb));
        return this;
    }

    public Change ledger(LedgerEntry entry) {
        ledger.add(entry);
        return this;
    }

    public Change granted(String quotaId, String userId, Set<Permission> permissions) {
        grants.add(new Granted(quotaId, userId, Set.copyOf(permissions)));
        return this;
    }

    public Change register(String quotaId, AuthMessage authMessage) {
        registrations.add(new Registration(quotaId, authMessage));
        return this;
    }

    /** An audit entry. Each change has one at least. */
    public Change audit(Quota after, boolean changed, Consumer<JsonText> figures) {
        entries.add(new Entry(after, changed, figures));
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

    public List<Quota> created() {
        return created;
    }

    public List<Quota> quotas() {
        return quotas;
    }

    public @Nullable OwnersBelow ownersBelow() {
        return ownersBelow;
    }

    public @Nullable SuspensionBelow suspensionBelow() {
        return suspensionBelow;
    }

    public List<Held> holdings() {
        return holdings;
    }

    public List<LedgerEntry> ledger() {
        return ledger;
    }

    public List<Granted> grants() {
        return grants;
    }

    public List<Registration> registrations() {
        return registrations;
    }

    public List<Entry> entries() {
        return entries;
    }
}
