package com.cagen.quota.engine;

import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;

/** Seeded random histories, and what came up in them. Run one again with {@code -Dseed=N}, its own seed. */
final class Histories {
    /** How often each kind of answer was seen, so that a dull generator is noticed. */
    final Map<String, Integer> seen = new HashMap<>();

    /** One history: whatever it does must depend on {@code random} alone. */
    interface History {
        void run(SplittableRandom random);
    }

    /** Runs {@code count} histories; with {@code -Dseed} the first is the one of that seed. */
    void run(int count, History history) {
        long first = Long.getLong("seed", System.nanoTime());
        System.out.println("Seed of the first history: " + first);
        for (long seed = first; seed < first + count; seed++) {
            try {
                history.run(new SplittableRandom(seed));
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("Fails with -Dseed=" + seed, e);
            }
        }
    }

    void saw(String kind) {
        seen.merge(kind, 1, Integer::sum);
    }
}
