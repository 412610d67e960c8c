package com.cagen.quota.messaging;

import com.cagen.quota.config.Config;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Which nodes there are and what they serve, as each of them says every second: the place that decides where a request goes. A
 * node that has been silent for a while, frozen or cut off, is passed over; a wrong guess costs time and never correctness,
 * which rests on the database's rows. Thread-safe.
 */
final class ClusterNodes {
    static final long PRESENCE_MILLIS = 1_000;
    private static final long SILENCE_NANOS = 3_500_000_000L;

    private final String self;
    private final Config.Routing routing;
    private final Map<String, Known> others = new ConcurrentHashMap<>();
    /** What this node could serve; {@link #open} says whether others are told. */
    private volatile BusMessages.Presence own;

    private volatile boolean open = true;
    private final List<Consumer<String>> lossHandlers = new CopyOnWriteArrayList<>();

    private record Known(BusMessages.Presence presence, long heardNanos) {
        boolean speaks(long now) {
            return now - heardNanos < SILENCE_NANOS;
        }
    }

    /** A lane of a node. */
    record Lane(String node, int number) {
        String address() {
            return Addresses.lane(node, number);
        }
    }

    ClusterNodes(String self, Config.Routing routing) {
        this.self = self;
        this.routing = routing;
        this.own = new BusMessages.Presence(self, 0, false, false, false);
    }

    String self() {
        return self;
    }

    synchronized void serving(int lanes, boolean auth, boolean audit) {
        own = new BusMessages.Presence(
                self, Math.max(own.lanes(), lanes), own.auth() || auth, own.audit() || audit, false);
    }

    /** Whether this node wants to be chosen. */
    void open(boolean wanted) {
        open = wanted;
    }

    /** What others are told. */
    BusMessages.Presence presence(boolean asks) {
        return open
                ? new BusMessages.Presence(self, own.lanes(), own.auth(), own.audit(), asks)
                : new BusMessages.Presence(self, 0, false, false, asks);
    }

    void heard(BusMessages.Presence presence) {
        long now = System.nanoTime();
        if (!presence.node().equals(self)) {
            others.put(presence.node(), new Known(presence, now));
        }
        others.values().removeIf(known -> !known.speaks(now));
    }

    /** A node that turned out not to serve: it is passed over until it is heard of again. */
    void gone(String node) {
        others.remove(node);
    }

    /** A node that left the cluster: what it had will not be answered. */
    void lost(String node) {
        gone(node);
        lossHandlers.forEach(handler -> handler.accept(node));
    }

    /** @param handler is given each node that is {@link #lost}, on any thread */
    void onLost(Consumer<String> handler) {
        lossHandlers.add(handler);
    }

    /** Where a request goes whose quota, or organization, is {@code key}; null when nobody serves. */
    @Nullable
    Lane lane(String key) {
        int lanes = own.lanes();
        boolean preferred = routing == Config.Routing.LOCAL && open && lanes > 0;
        if (!preferred) {
            BusMessages.Presence node = choose(key, presence -> presence.lanes() > 0);
            if (node != null) {
                return new Lane(node.node(), Math.floorMod(key.hashCode(), node.lanes()));
            }
        }
        // A node that is leaving goes on for itself when there is nobody else.
        return lanes == 0 ? null : new Lane(self, Math.floorMod(key.hashCode(), lanes));
    }

    /** This node when it has the role, else another; null when nobody has. */
    @Nullable
    String auth(String key) {
        return own.auth() ? self : name(choose(key, BusMessages.Presence::auth));
    }

    /** As {@link #auth}. */
    @Nullable
    String audit() {
        return own.audit() ? self : name(choose(self, BusMessages.Presence::audit));
    }

    private static @Nullable String name(BusMessages.@Nullable Presence presence) {
        return presence == null ? null : presence.node();
    }

    /** Rendezvous hashing: when a node comes or goes, only its own keys move. */
    private BusMessages.@Nullable Presence choose(String key, Predicate<BusMessages.Presence> able) {
        BusMessages.Presence best = null;
        long highest = Long.MIN_VALUE;
        for (BusMessages.Presence each : live()) {
            long weight = mix(key.hashCode() * 0x9E3779B97F4A7C15L + each.node().hashCode());
            if (able.test(each) && (best == null || weight > highest)) {
                best = each;
                highest = weight;
            }
        }
        return best;
    }

    /** This node, and those that it hears. */
    int count() {
        long now = System.nanoTime();
        return 1
                + (int) others.values().stream()
                        .filter(each -> each.speaks(now))
                        .count();
    }

    private List<BusMessages.Presence> live() {
        long now = System.nanoTime();
        List<BusMessages.Presence> live = new ArrayList<>();
        if (open) {
            live.add(own);
        }
        for (Known each : others.values()) {
            if (each.speaks(now)) {
                live.add(each.presence());
            }
        }
        return live;
    }

    /** SplitMix64's last step: close keys end far apart. */
    private static long mix(long value) {
        long z = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
