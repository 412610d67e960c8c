package com.cagen.quota.cluster;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Clients that write down each operation before they send it and its answer afterwards, and repeat what got none under the same
 * idempotency key, at another node.
 */
final class JournalingClients {
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    /** What became of an operation. */
    enum Outcome {
        /** Sent, and not answered for certain. */
        UNKNOWN,
        ACKNOWLEDGED,
        REFUSED
    }

    /** One line of the journal. */
    static final class Entry {
        final String quotaId;
        final String resourceId;
        final boolean allocate;
        volatile Outcome outcome = Outcome.UNKNOWN;
        volatile @Nullable String usageId;

        Entry(String quotaId, String resourceId, boolean allocate) {
            this.quotaId = quotaId;
            this.resourceId = resourceId;
            this.allocate = allocate;
        }
    }

    private final List<Node> nodes;
    private final List<String> quotas;
    private final long seed;
    private final String name;
    private final Duration patience;
    private final List<Entry> journal = new ArrayList<>();
    private final Map<String, Integer> answers = new TreeMap<>();
    private final List<String> unexpected = new ArrayList<>();
    private final List<Thread> clients = new ArrayList<>();
    private volatile boolean stopping;

    /** @param patience with one request, before it is repeated elsewhere while the first may still be carried out */
    JournalingClients(String name, List<Node> nodes, List<String> quotas, long seed, Duration patience) {
        this.patience = patience;
        this.name = name;
        this.nodes = nodes;
        this.quotas = quotas;
        this.seed = seed;
    }

    JournalingClients start(int count) {
        for (int i = 0; i < count; i++) {
            int number = i;
            Thread thread = new Thread(() -> client(number), "client-" + i);
            clients.add(thread);
            thread.start();
        }
        return this;
    }

    /** Waits until {@code count} more operations were acknowledged than now. */
    void awaitProgress(int count) {
        int wanted = acknowledged() + count;
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (acknowledged() < wanted) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("the nodes stand still: " + this);
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    /** Lets the clients finish what they have begun. */
    void stop() throws InterruptedException {
        stopping = true;
        for (Thread client : clients) {
            client.join();
        }
    }

    List<Entry> journal() {
        synchronized (journal) {
            return List.copyOf(journal);
        }
    }

    /** Answers that no client should ever get. */
    List<String> unexpected() {
        synchronized (answers) {
            return List.copyOf(unexpected);
        }
    }

    int answered(String kind) {
        synchronized (answers) {
            return answers.getOrDefault(kind, 0);
        }
    }

    private int acknowledged() {
        return count(Outcome.ACKNOWLEDGED);
    }

    int count(Outcome outcome) {
        return (int) journal().stream().filter(e -> e.outcome == outcome).count();
    }

    private void client(int number) {
        Random random = new Random(seed + number);
        NodeClient client = new NodeClient(patience);
        List<Entry> held = new ArrayList<>();
        for (int i = 0; !stopping; i++) {
            Entry entry;
            if (!held.isEmpty() && random.nextInt(4) == 0) {
                Entry back = held.remove(random.nextInt(held.size()));
                entry = new Entry(back.quotaId, back.resourceId, false);
            } else {
                entry = new Entry(
                        quotas.get(random.nextInt(quotas.size())), name + "-" + seed + "-" + number + "-" + i, true);
            }
            synchronized (journal) {
                journal.add(entry);
            }
            carryOut(client, entry, random);
            if (entry.allocate && entry.outcome == Outcome.ACKNOWLEDGED) {
                held.add(entry);
            }
        }
    }

    private void carryOut(NodeClient client, Entry entry, Random random) {
        String path = "/quotas/" + entry.quotaId + (entry.allocate ? "/usage/allocate" : "/usage/deallocate");
        JsonObject body = new JsonObject().put("resource_id", entry.resourceId).put("usage_mb", 1);
        String key = entry.resourceId + (entry.allocate ? "" : "-back");
        // One in four is not the owner, so that the auth service is asked.
        String user = random.nextInt(4) == 0 ? "bob" : "alice";
        int at = random.nextInt(nodes.size());
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (System.nanoTime() < deadline) {
            try {
                NodeClient.Answer answer = client.post(nodes.get(at), path, user, key, body);
                tally(answer.status() + (answer.status() == 200 ? "" : " " + answer.code()));
                if (answer.status() == 200) {
                    entry.usageId = answer.data().getString("usage_id");
                    entry.outcome = Outcome.ACKNOWLEDGED;
                    return;
                } else if (answer.status() == 409) {
                    entry.outcome = Outcome.REFUSED;
                    return;
                } else if (answer.status() != 503) {
                    unexpected(answer.toString());
                    return;
                }
            } catch (ConnectException e) {
                tally("connection refused");
            } catch (HttpTimeoutException e) {
                tally("no answer in time");
            } catch (IOException e) {
                tally("connection lost");
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            } catch (RuntimeException e) {
                unexpected(e.toString());
                return;
            }
            at = (at + 1) % nodes.size();
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private void tally(String kind) {
        synchronized (answers) {
            answers.merge(kind, 1, Integer::sum);
        }
    }

    private void unexpected(String what) {
        synchronized (answers) {
            unexpected.add(what);
        }
    }

    @Override
    public String toString() {
        synchronized (answers) {
            return name + " (seed " + seed + "): " + journal().size() + " operations, " + acknowledged()
                    + " acknowledged, " + count(Outcome.REFUSED) + " refused, " + count(Outcome.UNKNOWN)
                    + " unknown; answers " + answers;
        }
    }
}
