package com.cagen.quota.domain.quota;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class UsageSeriesTest {
    private static final int SERIES = 20_000;
    private static final Instant START = Instant.parse("2026-01-31T12:00:00.123456Z");

    /** One by one, and parts of them added up: the same as looking at each microsecond. */
    @Test
    void addsUpAsLookingAtEachMoment() {
        long first = Long.getLong("seed", System.nanoTime());
        System.out.println("Seed of the first series: " + first);
        for (long seed = first; seed < first + SERIES; seed++) {
            check(new SplittableRandom(seed), seed);
        }
    }

    private static void check(SplittableRandom random, long seed) {
        int buckets = 1 + random.nextInt(12);
        int span = buckets + random.nextInt(60);
        UsageSeries series = new UsageSeries(START, START.plus(span, ChronoUnit.MICROS), buckets);
        long usedMb = random.nextInt(100);
        long[] usedAfter = new long[span];
        List<UsageChange> changes = new ArrayList<>();
        long openingMb = usedMb;
        int bucketOfLast = -1;
        List<Instant> bounds = series.bounds();
        for (int micro = 0; micro < span; micro++) {
            Instant at = START.plus(micro, ChronoUnit.MICROS);
            int bucket =
                    (int) bounds.stream().filter(bound -> !bound.isAfter(at)).count() - 1;
            if (random.nextInt(3) == 0) {
                long difference = random.nextInt(41) - 20L + (usedMb < 20 ? 20 : 0);
                usedMb += difference;
                UsageChange change = UsageChange.of(at, usedMb, difference);
                if (bucket == bucketOfLast && random.nextBoolean()) {
                    changes.add(changes.remove(changes.size() - 1).then(change));
                } else {
                    changes.add(change);
                }
                bucketOfLast = bucket;
            }
            usedAfter[micro] = usedMb;
        }
        List<UsageSeries.Bucket> found = series.of(openingMb, changes);
        assertThat(found).as("-Dseed=" + seed).hasSize(buckets);
        long before = openingMb;
        for (int i = 0; i < buckets; i++) {
            long least = before;
            long most = before;
            long last = before;
            for (int micro = 0; micro < span; micro++) {
                Instant at = START.plus(micro, ChronoUnit.MICROS);
                if (!at.isBefore(bounds.get(i)) && at.isBefore(bounds.get(i + 1))) {
                    least = Math.min(least, usedAfter[micro]);
                    most = Math.max(most, usedAfter[micro]);
                    last = usedAfter[micro];
                }
            }
            UsageSeries.Bucket bucket = found.get(i);
            assertThat(List.of(
                            bucket.minMb(),
                            bucket.maxMb(),
                            bucket.endMb(),
                            bucket.allocatedMb() - bucket.deallocatedMb()))
                    .as("-Dseed=" + seed)
                    .containsExactly(least, most, last, last - before);
            before = last;
        }
    }

    @Test
    void hasBucketsOfEqualLength() {
        UsageSeries series = new UsageSeries(START, START.plus(400, ChronoUnit.DAYS), 500);
        List<Instant> bounds = series.bounds();
        assertThat(bounds).hasSize(501).startsWith(START).endsWith(START.plus(400, ChronoUnit.DAYS));
        for (int i = 0; i < 500; i++) {
            assertThat(ChronoUnit.MICROS.between(bounds.get(i), bounds.get(i + 1)))
                    .isEqualTo(400L * 86_400_000_000L / 500);
        }
    }

    @Test
    void countsRefusalsWithoutFigures() {
        UsageSeries series = new UsageSeries(START, START.plusSeconds(2), 2);
        assertThat(series.of(
                        7,
                        List.of(UsageChange.refusal(START.plusSeconds(1)), UsageChange.refusal(START.minusSeconds(1)))))
                .containsExactly(
                        new UsageSeries.Bucket(START, 7, 7, 7, 0, 0, 0),
                        new UsageSeries.Bucket(START.plusSeconds(1), 7, 7, 7, 0, 0, 1));
    }
}
