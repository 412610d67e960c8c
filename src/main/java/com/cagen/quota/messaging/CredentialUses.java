package com.cagen.quota.messaging;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.protocol.Caller;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Limits how many audit entries expired and replayed credentials make, as whoever holds an old one may send it thousands of
 * times a second. Of each organization, service and code the first {@link #RECORDED_EACH} of a minute are recorded one by
 * one; the others are counted, and become one entry when the minute is over. One for each node. Thread-safe.
 */
public final class CredentialUses {
    /** A minute, of each organization, service and code. */
    static final int RECORDED_EACH = 10;
    /** Organizations, services and codes in a minute; uses of further ones are only counted, in a metric. */
    static final int MAX_TRACKED = 2_000;
    /** Distinct users that a summary names. */
    static final int MAX_USERS = 5;

    private final Consumer<AuditEntry> record;
    private final LongConsumer untracked;
    private final Clock clock;
    private Map<Key, Uses> minute = new HashMap<>();

    private record Key(String organizationId, String serviceId, String code) {}

    private static final class Uses {
        int recorded;
        long counted;

        @Nullable
        AuditEntry first;

        @Nullable
        Instant last;

        boolean sameQuota = true;
        final Set<String> users = new LinkedHashSet<>();
        boolean moreUsers;

        void count(AuditEntry entry) {
            if (first == null) {
                first = entry;
            }
            counted++;
            last = entry.createdAt();
            sameQuota &= Objects.equals(entry.quotaId(), first.quotaId());
            if (users.size() < MAX_USERS) {
                users.add(entry.actorUserId());
            } else {
                moreUsers |= !users.contains(entry.actorUserId());
            }
        }
    }

    /**
     * @param record takes entries that are to be stored
     * @param untracked takes numbers of uses that are in no entry
     */
    CredentialUses(Consumer<AuditEntry> record, LongConsumer untracked, Clock clock) {
        this.record = record;
        this.untracked = untracked;
        this.clock = clock;
    }

    private static Key key(AuditEntry entry) {
        return new Key(entry.organizationId(), entry.serviceId(), new JsonObject(entry.details()).getString("code"));
    }

    /** Records the entry, or counts it. */
    public void add(AuditEntry entry) {
        if (admit(entry)) {
            record.accept(entry);
        } else {
            count(entry);
        }
    }

    /**
     * Whether the caller should record the entry; else it should {@link #count} the entry once it is sure that the use was
     * refused.
     */
    public synchronized boolean admit(AuditEntry entry) {
        Key key = key(entry);
        Uses uses = minute.get(key);
        if (uses == null) {
            if (minute.size() >= MAX_TRACKED) {
                return false;
            }
            uses = new Uses();
            minute.put(key, uses);
        }
        if (uses.recorded == RECORDED_EACH) {
            return false;
        }
        uses.recorded++;
        return true;
    }

    /** Counts an entry that {@link #admit} did not admit. */
    public synchronized void count(AuditEntry entry) {
        Key key = key(entry);
        Uses uses = minute.get(key);
        if (uses == null && minute.size() < MAX_TRACKED) {
            uses = new Uses(); // the minute ended in between
            minute.put(key, uses);
        }
        if (uses == null) {
            untracked.accept(1);
        } else {
            uses.count(entry);
        }
    }

    /** Ends the minute: records a summary of what was counted. */
    void endMinute() {
        Map<Key, Uses> ended;
        synchronized (this) {
            ended = minute;
            minute = new HashMap<>();
        }
        ended.forEach((key, uses) -> {
            if (uses.first != null && uses.last != null) {
                record.accept(summary(key, uses, uses.first, uses.last));
            }
        });
    }

    private AuditEntry summary(Key key, Uses uses, AuditEntry first, Instant last) {
        JsonObject details = new JsonObject()
                .put("code", key.code())
                .put("count", uses.counted)
                .put("from", first.createdAt().toString())
                .put("to", last.toString())
                .put("user_ids", new JsonArray(List.copyOf(uses.users)));
        if (uses.moreUsers) {
            details.put("more_users", true);
        }
        return new AuditEntry(
                UUID.randomUUID(),
                key.organizationId(),
                uses.sameQuota ? first.quotaId() : null,
                null,
                null,
                AuditEntry.CREDENTIAL_USE,
                AuditEntry.REFUSED,
                uses.users.size() == 1 ? first.actorUserId() : Caller.SYSTEM,
                key.serviceId(),
                null,
                details.encode(),
                first.requestId(),
                clock.instant().truncatedTo(ChronoUnit.MICROS));
    }
}
