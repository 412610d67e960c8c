package com.cagen.quota.messaging;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.EventBus;
import io.vertx.core.eventbus.Message;

/** Says every second what this node serves, and hears it of the others. */
final class PresenceBeacon {
    private final Vertx vertx;
    private final EventBus eventBus;
    private final ClusterNodes nodes;
    private volatile long timer = -1;

    PresenceBeacon(Vertx vertx, ClusterNodes nodes) {
        this.vertx = vertx;
        this.eventBus = vertx.eventBus();
        this.nodes = nodes;
    }

    /** From now on; until {@link #open} this node serves nothing. */
    Future<Void> join() {
        nodes.open(false);
        return eventBus.consumer(Addresses.PRESENCE, this::heard).completion().onSuccess(ignored -> {
            announce(true);
            timer = vertx.setPeriodic(ClusterNodes.PRESENCE_MILLIS, tick -> announce(false));
        });
    }

    void open() {
        nodes.open(true);
        announce(false);
    }

    void leave() {
        vertx.cancelTimer(timer);
        nodes.open(false);
        announce(false);
    }

    private void announce(boolean asks) {
        eventBus.publish(Addresses.PRESENCE, nodes.presence(asks));
    }

    private void heard(Message<BusMessages.Presence> message) {
        BusMessages.Presence presence = message.body();
        nodes.heard(presence);
        if (presence.asks() && !presence.node().equals(nodes.self())) {
            announce(false);
        }
    }
}
