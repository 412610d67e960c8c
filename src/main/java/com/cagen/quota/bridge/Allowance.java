package com.cagen.quota.bridge;

/** How many messages a socket may still send: so many a second, a second's worth at once. */
final class Allowance {
    private static final double NANOS = 1e9;

    private final int aSecond;
    private double left;
    private long lastNanos;

    Allowance(int aSecond, long nowNanos) {
        this.aSecond = aSecond;
        this.left = aSecond;
        this.lastNanos = nowNanos;
    }

    /** Takes one, if there is one. */
    boolean take(long nowNanos) {
        left = Math.min(aSecond, left + (nowNanos - lastNanos) / NANOS * aSecond);
        lastNanos = nowNanos;
        if (left < 1) {
            return false;
        }
        left -= 1;
        return true;
    }
}
