package com.cagen.quota.storage.rows;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** Which entries of a quota's ledger are wanted; {@code from} is inclusive, {@code to} exclusive. */
public record UsageQuery(
        String quotaId,
        @Nullable String resourceId,
        @Nullable Instant from,
        @Nullable Instant to,
        @Nullable Cursor cursor,
        int limit,
        boolean newestFirst) {

    /**
     * Where a page goes on.
     *
     * @param version of the last entry that was looked at
     * @param seq an entry of the chain up to which everything was looked at; newest first, from which on; 0: nothing in the chain
     */
    public record Cursor(long version, long seq) {}
}
