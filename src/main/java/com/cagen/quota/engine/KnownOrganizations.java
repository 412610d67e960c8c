package com.cagen.quota.engine;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Organizations whose row is known to be committed: it need not be made again. Organizations are never deleted. Bounded; the
 * least recently used is forgotten, which costs one more statement when it comes back.
 */
final class KnownOrganizations {
    private static final int MAX = 10_000;

    private final Map<String, Boolean> known = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) {
            return size() > MAX;
        }
    };

    boolean contains(String organizationId) {
        return known.get(organizationId) != null;
    }

    void add(Collection<String> organizationIds) {
        organizationIds.forEach(id -> known.put(id, true));
    }
}
