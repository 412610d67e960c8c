package com.cagen.quota.entry.bridge;

/** How much a socket may still send: so much a second, a second's worth at once. */
final class RateLimit {
    private static final double NANOS = 1e9;

    private final int aSecond;
    private double left;
    private long lastNanos;

    RateLimit(int aSecond, long nowNanos) {
        this.aSecond = aSecond;
        this.left = aSecond;
        this.lastNanos = nowNanos;
    }

    /**
     * Takes {@code cost}, if there is at least one left. What costs more than there is leaves a debt, which has to be earned
     * before the next one.
     */
    boolean take(int cost, long nowNanos) {
        left = Math.min(aSecond, left + (nowNanos - lastNanos) / NANOS * aSecond);
        lastNanos = nowNanos;
        if (left < 1) {
            return false;
        }
        left -= cost;
        return true;
    }
}
