package com.cagen.quota.domain.scheduling;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FairQueueTest {
    private record Item(String organization, int number) {}

    /** Adds, starts and ends work at random; a plain list of what waits says what must hold. */
    @Test
    void givesOrganizationsTurnsAndNoneMoreThanHalfOfTheSlots() {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        for (int history = 0; history < 2_000; history++) {
            int slots = 1 + random.nextInt(6);
            int most = Math.max(1, slots / 2);
            FairQueue<Item> queue = new FairQueue<>(slots);
            Map<String, Deque<Item>> waiting = new HashMap<>();
            List<Item> running = new ArrayList<>();
            // How often others were started while an organization could have been.
            Map<String, Integer> passedOver = new HashMap<>();
            int number = 0;
            for (int step = 0; step < 100 || !running.isEmpty() || queue.waiting() > 0; step++) {
                int choice = step < 100 ? random.nextInt(4) : 2 + random.nextInt(2);
                if (choice < 2) {
                    Item item = new Item("org" + random.nextInt(4), number++);
                    Deque<Item> line = waiting.computeIfAbsent(item.organization, ignored -> new ArrayDeque<>());
                    if (choice == 0) {
                        queue.add(item.organization, item);
                        line.addLast(item);
                    } else {
                        queue.addFirst(item.organization, item);
                        line.addFirst(item);
                    }
                } else if (choice == 2) {
                    Item item = queue.start();
                    List<String> startable = waiting.entrySet().stream()
                            .filter(line -> !line.getValue().isEmpty() && count(running, line.getKey()) < most)
                            .map(Map.Entry::getKey)
                            .toList();
                    if (item == null) {
                        assertThat(running.size() == slots || startable.isEmpty())
                                .as("an idle slot is used")
                                .isTrue();
                        continue;
                    }
                    assertThat(running).hasSizeLessThan(slots);
                    assertThat(startable).contains(item.organization);
                    Deque<Item> own = waiting.getOrDefault(item.organization, new ArrayDeque<>());
                    assertThat(own.removeFirst()).isEqualTo(item);
                    running.add(item);
                    for (String each : startable) {
                        passedOver.merge(each, 1, Integer::sum);
                    }
                    passedOver.put(item.organization, 0);
                    assertThat(passedOver.values()).allMatch(times -> times < 4);
                } else if (!running.isEmpty()) {
                    queue.end(running.remove(random.nextInt(running.size())).organization);
                }
                assertThat(queue.waiting())
                        .isEqualTo(
                                waiting.values().stream().mapToInt(Deque::size).sum());
            }
            assertThat(waiting.values()).allMatch(Deque::isEmpty);
        }
    }

    private static long count(List<Item> running, String organization) {
        return running.stream()
                .filter(item -> item.organization.equals(organization))
                .count();
    }

    @Test
    void startsANewcomersWorkNextHoweverMuchOfAnotherOneWaits() {
        FairQueue<String> queue = new FairQueue<>(4);
        for (int i = 0; i < 1_000; i++) {
            queue.add("busy", "busy " + i);
        }
        assertThat(queue.start()).isEqualTo("busy 0");
        assertThat(queue.start()).isEqualTo("busy 1");
        assertThat(queue.start()).as("half of the slots stay free").isNull();
        queue.add("other", "other 0");
        assertThat(queue.start()).isEqualTo("other 0");
        queue.end("busy");
        assertThat(queue.start()).isEqualTo("busy 2");
    }
}
