package com.cagen.quota.engine;

import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.access.PermissionAnswer;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.QuotaKey;
import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the auth service said of users and quotas, for as long as it allows. Each entry carries the quota's grants version as
 * read before asking, so a change made on any node makes it worthless at once, without a message.
 */
final class GrantCache {
    private record Key(String organizationId, String userId, String quotaId) {}

    private record Cached(KnownGrants grants, long expiresNanos) {}

    private final Cache<Key, Cached> cache = Caffeine.newBuilder()
            .maximumSize(20_000)
            .expireAfterWrite(Duration.ofSeconds(30))
            .build();

    KnownGrants find(QueuedRequest pending) {
        QuotaKey quota = pending.quotaKey();
        if (quota != null) {
            return find(pending, quota.quotaId());
        }
        Map<String, KnownGrants.Entry> known = new HashMap<>();
        pending.needs()
                .locked()
                .forEach(key -> known.putAll(find(pending, key.quotaId()).byQuotaId()));
        return known.isEmpty() ? KnownGrants.NONE : new KnownGrants(known);
    }

    private KnownGrants find(QueuedRequest pending, String quotaId) {
        Cached cached = cache.getIfPresent(key(pending, quotaId));
        return cached == null || cached.expiresNanos() - System.nanoTime() <= 0 ? KnownGrants.NONE : cached.grants();
    }

    /** @param expiry after which something of it was granted no longer; null when nothing expires */
    void put(QueuedRequest pending, Quota quota, PermissionAnswer answer, @Nullable Duration expiry) {
        if (answer.ttlSeconds() > 0) {
            KnownGrants grants =
                    new KnownGrants(Map.of(quota.id(), new KnownGrants.Entry(answer.granted(), quota.grantsVersion())));
            Duration ttl = Duration.ofSeconds(answer.ttlSeconds());
            Duration kept = expiry != null && expiry.compareTo(ttl) < 0 ? expiry : ttl;
            cache.put(key(pending, quota.id()), new Cached(grants, System.nanoTime() + kept.toNanos()));
        }
    }

    private static Key key(QueuedRequest pending, String quotaId) {
        return new Key(pending.organizationId(), pending.request.caller().userId(), quotaId);
    }
}
