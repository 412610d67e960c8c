package com.cagen.quota.domain.scheduling;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Work that waits for one of a fixed number of slots. Organizations are served round-robin, each organization's work keeps its order, and
 * no organization holds more than half of the slots. Every method takes constant time. Not thread-safe.
 *
 * @param <T> a piece of work
 */
public final class FairQueue<T> {
    private final int slots;
    private final int slotsPerOrganization;
    private final Map<String, Line<T>> lines = new HashMap<>();
    /** Those that have work waiting and may start more of it; the first one is next. */
    private final Deque<Line<T>> turns = new ArrayDeque<>();

    private int waiting;
    private int running;

    private static final class Line<T> {
        final Deque<T> items = new ArrayDeque<>(4);
        int running;
        boolean hasTurn;
    }

    /** @param slots pieces of work that may run at once, at least 1 */
    public FairQueue(int slots) {
        this.slots = slots;
        this.slotsPerOrganization = Math.max(1, slots / 2);
    }

    /** Adds work behind what already waits of the organization. */
    public void add(String organization, T item) {
        Line<T> line = line(organization);
        line.items.addLast(item);
        added(line);
    }

    /** Adds work before what already waits of the organization. Its turn among the organizations stays the same. */
    public void addFirst(String organization, T item) {
        Line<T> line = line(organization);
        line.items.addFirst(item);
        added(line);
    }

    private Line<T> line(String organization) {
        return lines.computeIfAbsent(organization, ignored -> new Line<>());
    }

    private void added(Line<T> line) {
        waiting++;
        takeTurn(line);
    }

    private void takeTurn(Line<T> line) {
        if (!line.hasTurn && line.running < slotsPerOrganization && !line.items.isEmpty()) {
            line.hasTurn = true;
            turns.addLast(line);
        }
    }

    /**
     * Takes the next piece of work, which holds a slot until {@link #end}.
     *
     * @return null when no slot is free, or nothing waits that may start
     */
    public @Nullable T start() {
        Line<T> line = running < slots ? turns.pollFirst() : null;
        if (line == null) {
            return null;
        }
        line.hasTurn = false;
        line.running++;
        running++;
        waiting--;
        T item = line.items.removeFirst();
        takeTurn(line);
        return item;
    }

    /**
     * Frees the slot of a piece of work.
     *
     * @param organization that it was added for
     */
    public void end(String organization) {
        Line<T> line = lines.get(organization);
        if (line == null || line.running == 0) {
            throw new IllegalStateException("nothing runs of this organization");
        }
        line.running--;
        running--;
        if (line.running == 0 && line.items.isEmpty()) {
            lines.remove(organization);
        } else {
            takeTurn(line);
        }
    }

    /** Pieces of work that wait for a slot. */
    public int waiting() {
        return waiting;
    }
}
