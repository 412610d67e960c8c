package com.cagen.quota.messaging;

/** Every event-bus address there is. */
public final class Addresses {
    /** Committed changes, published. */
    public static final String EVENTS = "cagen.quota.v1.events";
    /** Between our own nodes, whose requests are authenticated already: no bridge may reach what starts like this. */
    static final String INTERNAL = "cagen.quota.internal.";
    /** Published by every node: what it serves. */
    static final String PRESENCE = INTERNAL + "presence";
    /**
     * Published by every node that is left, when a node is no member any more: its id, as text. The Java client listens there
     * as well.
     */
    static final String NODE_LOST = INTERNAL + "lost";
    /** Published: how far the audit trail lags behind. */
    static final String AUDIT_LAG = INTERNAL + "audit.lag";

    private Addresses() {}

    /** Where JSON bodies for an operation go, for example {@code cagen.quota.v1.usage.allocate}. */
    public static String of(String operation) {
        return "cagen.quota.v1." + operation;
    }

    /** Requests to lane {@code lane} of a node. */
    static String lane(String node, int lane) {
        return INTERNAL + "lane." + node + "." + lane;
    }

    /** Typed: which users may hear of which quotas. */
    static String visibilityQuestions(String node) {
        return INTERNAL + "visibility." + node;
    }

    /** Where a node's answers come in; {@code channel} is unique. */
    static String answers(String node, String channel) {
        return answersOf(node) + channel;
    }

    /** What all of a node's {@link #answers} start with. */
    static String answersOf(String node) {
        return INTERNAL + "answers." + node + ".";
    }

    /** Typed: what the auth service knows of a user and a quota. */
    static String permissionQuestions(String node) {
        return INTERNAL + "auth.question." + node;
    }

    /** Typed: a grant or a revocation that the auth service is told. */
    static String permissionChanges(String node) {
        return INTERNAL + "auth.change." + node;
    }

    /** Typed: a change that did not come about, whose target's grants the auth service is told again as they are recorded. */
    static String permissionRestores(String node) {
        return INTERNAL + "auth.restore." + node;
    }

    /** The doorbell of the auth outbox. */
    static String authNotifications(String node) {
        return INTERNAL + "auth.notify." + node;
    }

    /** Notifies the audit verticle of new entries. */
    static String auditNotifications(String node) {
        return INTERNAL + "audit.notify." + node;
    }

    /** Typed: refusals that no transaction recorded. */
    static String auditRefusals(String node) {
        return INTERNAL + "audit.refusals." + node;
    }
}
