package com.cagen.quota.domain.quota;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/** A stretch of time in parts of equal length, to a microsecond. */
public final class UsageSeries {
    private final Instant from;
    private final long spanMicros;
    private final int buckets;

    /**
     * @param from inclusive, in whole microseconds
     * @param to exclusive, in whole microseconds; so many after {@code from} that there is one for each bucket
     * @param buckets 1 or more
     */
    public UsageSeries(Instant from, Instant to, int buckets) {
        this.from = from;
        this.spanMicros = ChronoUnit.MICROS.between(from, to);
        this.buckets = buckets;
        if (buckets < 1 || spanMicros < buckets) {
            throw new IllegalArgumentException("a bucket is too short");
        }
    }

    /**
     * What happened in a part of the time. Figures are megabytes. The least and the most that was used count what was used when it
     * began, too.
     *
     * @param start its beginning; it ends where the next one begins
     */
    public record Bucket(
            Instant start, long minMb, long maxMb, long endMb, long allocatedMb, long deallocatedMb, long refused) {}

    /** Where the buckets begin, in order, and where the last one ends. */
    public List<Instant> bounds() {
        List<Instant> bounds = new ArrayList<>(buckets + 1);
        for (int i = 0; i <= buckets; i++) {
            bounds.add(from.plus(spanMicros / buckets * i + spanMicros % buckets * i / buckets, ChronoUnit.MICROS));
        }
        return bounds;
    }

    /**
     * Adds up.
     *
     * @param openingMb what was used when the first bucket begins
     * @param changes those of one moment in the order in which they happened; those of other times are left out
     */
    public List<Bucket> of(long openingMb, Collection<UsageChange> changes) {
        List<UsageChange> inOrder = new ArrayList<>(changes);
        inOrder.sort(Comparator.comparing(UsageChange::at));
        List<Instant> bounds = bounds();
        List<Bucket> result = new ArrayList<>(buckets);
        long usedMb = openingMb;
        int next = 0;
        while (next < inOrder.size() && inOrder.get(next).at().isBefore(from)) {
            next++;
        }
        for (int i = 0; i < buckets; i++) {
            UsageChange sum = new UsageChange(bounds.get(i), usedMb, usedMb, usedMb, 0, 0, 0);
            while (next < inOrder.size() && inOrder.get(next).at().isBefore(bounds.get(i + 1))) {
                sum = sum.then(inOrder.get(next++));
            }
            long endMb = sum.endMb() == null ? usedMb : sum.endMb();
            result.add(new Bucket(
                    bounds.get(i),
                    sum.minMb() == null ? endMb : sum.minMb(),
                    sum.maxMb() == null ? endMb : sum.maxMb(),
                    endMb,
                    sum.allocatedMb(),
                    sum.deallocatedMb(),
                    sum.refused()));
            usedMb = endMb;
        }
        return result;
    }
}
