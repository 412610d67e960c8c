package com.cagen.quota.domain.scheduling;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FairShareTest {
    private record Item(String organization, long bytes) {}

    @Test
    void oneGreedyOrganizationGetsHalfAndLeavesTheRestToOthers() {
        FairShare share = new FairShare(100, Long.MAX_VALUE);
        assertThat(admitted(share, "greedy", 1_000)).isEqualTo(50);
        assertThat(admitted(share, "second", 1_000)).isEqualTo(25);
        assertThat(share.enter("greedy", 0)).isFalse();
        assertThat(share.enter("newcomer", 0)).isTrue();
    }

    @Test
    void greedyOrganizationsTogetherNeverFillIt() {
        FairShare share = new FairShare(1_000, Long.MAX_VALUE);
        for (int round = 0; round < 1_000; round++) {
            IntStream.range(0, 9).forEach(organization -> share.enter("greedy" + organization, 0));
        }
        assertThat(share.items()).isBetween(890L, 905L);
        assertThat(admitted(share, "newcomer", 20)).isEqualTo(20);
    }

    @Test
    void admitsOneWhereThereIsRoomForOne() {
        FairShare share = new FairShare(1, 1);
        assertThat(share.enter("a", 1)).isTrue();
        assertThat(share.enter("b", 0)).isFalse();
        share.leave("a", 1);
        assertThat(share.enter("b", 1)).isTrue();
    }

    @Test
    void countsBytesAsItCountsItems() {
        FairShare share = new FairShare(1_000_000, 1_000);
        assertThat(share.enter("greedy", 400)).isTrue();
        assertThat(share.enter("greedy", 400)).isFalse();
        assertThat(share.enter("greedy", 100)).isTrue();
        assertThat(share.enter("other", 500)).isTrue();
    }

    @Test
    void neverHoldsMoreThanItMayAndForgetsWhatHasLeft() {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        for (int history = 0; history < 500; history++) {
            int maxItems = 1 + random.nextInt(30);
            int maxBytes = 1 + random.nextInt(3_000);
            FairShare share = new FairShare(maxItems, maxBytes);
            List<Item> held = new ArrayList<>();
            for (int step = 0; step < 300; step++) {
                if (random.nextInt(3) > 0) {
                    Item item = new Item("org" + random.nextInt(5), random.nextInt(200));
                    if (share.enter(item.organization, item.bytes)) {
                        held.add(item);
                    }
                } else if (!held.isEmpty()) {
                    Item item = held.remove(random.nextInt(held.size()));
                    share.leave(item.organization, item.bytes);
                }
                assertThat(share.items()).isEqualTo(held.size()).isLessThanOrEqualTo(maxItems);
                assertThat(held.stream().mapToLong(Item::bytes).sum()).isLessThanOrEqualTo(maxBytes);
            }
            held.forEach(item -> share.leave(item.organization, item.bytes));
            assertThat(admitted(share, "last", 1_000)).as("all is free again").isEqualTo((maxItems + 1) / 2);
        }
    }

    private static long admitted(FairShare share, String organization, int attempts) {
        return IntStream.range(0, attempts)
                .filter(i -> share.enter(organization, 0))
                .count();
    }
}
