package com.cagen.quota.domain;

/** Limits on amounts of capacity, in megabytes. */
public final class Amounts {
    /** 2^53 - 1: the largest integer that every JSON reader keeps exactly. No sum of two of them overflows a long. */
    public static final long MAX_MB = 9_007_199_254_740_991L;

    private Amounts() {}
}
