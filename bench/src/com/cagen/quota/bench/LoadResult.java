package com.cagen.quota.bench;

/**
 * What the load generator measured.
 *
 * @param errors answers other than 2xx, and requests without an answer; must be 0
 */
record LoadResult(double perSecond, double p50Millis, double p99Millis, double maxMillis, long requests, long errors) {}
