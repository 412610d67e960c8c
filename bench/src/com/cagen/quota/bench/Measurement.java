package com.cagen.quota.bench;

/**
 * What one load did and cost.
 *
 * @param serviceMicros CPU time of the service for each request
 * @param postgresMicros CPU time of all processes of PostgreSQL for each request
 * @param lagMillis age of the oldest unsealed audit entry when the load ended
 * @param catchUpMillis how long it took after the load until every audit entry was sealed
 */
record Measurement(
        LoadResult load, double serviceMicros, double postgresMicros, long rssMb, long lagMillis, long catchUpMillis) {}
