package com.cagen.quota.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.request.Request;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.operations.quota.GetQuota;
import com.cagen.quota.operations.usage.BatchUsage;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.Nonce;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BatchQueueTest {
    private static final int MAX = 8;

    private static QueuedRequest pending(String organization, int number) {
        Operation<?> operation = new GetQuota();
        return new QueuedRequest(
                new Request(
                        Integer.toString(number),
                        new Caller(organization, "user", "service", List.of()),
                        new Nonce("nonce" + number, 1),
                        null,
                        operation.name(),
                        new GetQuota.Command("quota", null)),
                operation);
    }

    /** A large request takes the place of many: one transaction does not become long by their number. */
    @Test
    void countsWhatARequestIsWorth() {
        BatchQueue queue = new BatchQueue(false);
        for (int i = 0; i < 4; i++) {
            queue.add(batchOf(5));
            queue.add(pending("other", i));
        }
        List<QueuedRequest> first = queue.take(MAX);
        assertThat(first).extracting(each -> each.weight).containsExactly(5, 1, 5);
        assertThat(queue.take(MAX)).extracting(each -> each.weight).containsExactly(1, 5, 1, 5);
        assertThat(queue.take(MAX)).extracting(each -> each.weight).containsExactly(1);
        queue.add(batchOf(100));
        assertThat(queue.take(MAX)).hasSize(1);
        assertThat(queue.size()).isZero();
    }

    private static QueuedRequest batchOf(int items) {
        BatchUsage operation = new BatchUsage();
        BatchUsage.Item item = new BatchUsage.Item(BatchUsage.Verb.ALLOCATE, "quota", "resource", 1, null);
        Caller caller = new Caller("org", "user", "service", List.of());
        return new QueuedRequest(
                new Request(
                        "batch",
                        caller,
                        new Nonce("nonce", 1),
                        null,
                        operation.name(),
                        new BatchUsage.Command(true, Collections.nCopies(items, item))),
                operation);
    }

    private static int number(QueuedRequest pending) {
        return Integer.parseInt(pending.request.requestId());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void everyRequestComesOnceAndInTheOrderOfItsOrganization(boolean oneOrganization) {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        for (int run = 0; run < 1_000; run++) {
            BatchQueue queue = new BatchQueue(oneOrganization);
            int added = 0;
            Map<String, Integer> last = new HashMap<>();
            Set<Integer> taken = new HashSet<>();
            for (int step = 0; step < 30 || queue.size() > 0; step++) {
                for (int i = step < 30 ? random.nextInt(6) : 0; i > 0; i--) {
                    queue.add(pending("org" + random.nextInt(4), added++));
                }
                List<QueuedRequest> batch = queue.take(MAX);
                assertThat(batch).hasSizeLessThanOrEqualTo(MAX);
                assertThat(queue.size()).isEqualTo(added - taken.size() - batch.size());
                for (QueuedRequest each : batch) {
                    assertThat(taken.add(number(each))).isTrue();
                    assertThat(last.getOrDefault(each.organizationId(), -1)).isLessThan(number(each));
                    last.put(each.organizationId(), number(each));
                }
                if (oneOrganization) {
                    assertThat(batch.stream().map(QueuedRequest::organizationId).distinct())
                            .hasSizeLessThanOrEqualTo(1);
                } else {
                    assertThat(batch).as("a transaction is filled").hasSize(Math.min(MAX, batch.size() + queue.size()));
                }
            }
            assertThat(taken).hasSize(added);
        }
    }

    @Test
    void organizationsTakeTurnsWithinABatch() {
        BatchQueue queue = new BatchQueue(false);
        for (int i = 0; i < 1_000; i++) {
            queue.add(pending("busy", i));
        }
        queue.add(pending("other", 1_000));
        queue.add(pending("other", 1_001));
        queue.add(pending("third", 1_002));
        assertThat(queue.take(MAX).stream().map(BatchQueueTest::number))
                .containsExactly(0, 1_000, 1_002, 1, 1_001, 2, 3, 4);
        assertThat(queue.take(MAX).stream().map(BatchQueueTest::number))
                .as("alone, one organization fills it")
                .containsExactly(5, 6, 7, 8, 9, 10, 11, 12);
    }

    /** However much another one sends, a request of an organization that has no other one waiting is in the next batch. */
    @Test
    void whatOneOrganizationSendsDoesNotDelayAnother() {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        for (int run = 0; run < 1_000; run++) {
            BatchQueue queue = new BatchQueue(false);
            int number = 0;
            for (int step = 0; step < 20; step++) {
                for (int i = random.nextInt(100); i > 0; i--) {
                    queue.add(pending("busy" + random.nextInt(3), number++));
                }
                QueuedRequest lone = pending("lone", number++);
                queue.add(lone);
                assertThat(queue.take(MAX)).contains(lone);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 100})
    void aBusyOrganizationDoesNotKeepAnotherOneWaiting(int others) {
        BatchQueue queue = new BatchQueue(true);
        int number = 0;
        for (int i = 0; i < 10 * MAX; i++) {
            queue.add(pending("busy", number++));
        }
        for (int i = 0; i < others; i++) {
            queue.add(pending("org" + i, number++));
        }
        List<String> served = new ArrayList<>();
        for (int i = 0; i <= others; i++) {
            served.add(queue.take(MAX).get(0).organizationId());
        }
        assertThat(served).doesNotHaveDuplicates();
    }
}
