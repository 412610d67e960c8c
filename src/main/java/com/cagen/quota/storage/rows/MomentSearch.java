package com.cagen.quota.storage.rows;

import java.time.Duration;

/**
 * Finds a moment in rows that are ordered by a number, and nearly by time: a binary search, as an index on the time would cost
 * every operation.
 */
final class MomentSearch {
    /** How far apart nodes' clocks may be: by so much a later number may carry an earlier time. */
    static final Duration CLOCKS_APART = Duration.ofMinutes(5);

    private MomentSearch() {}

    /**
     * A statement whose relation {@code search} has the number sought as {@code low} where {@code low = high}: the rows with smaller
     * numbers are from before the moment, and the row at it, or the next one, is not. Without rows there is none.
     *
     * @param condition which rows, of the table {@code t}
     * @param number the ordered column; the rows have an index on what is in {@code condition} and on it
     * @param moment the parameter with the moment
     * @param select what follows the relation
     */
    static String sql(String table, String condition, String number, String time, String moment, String select) {
        return """
                WITH RECURSIVE search (low, high) AS (
                    SELECT min(t.%3$s), max(t.%3$s) + 1 FROM %1$s t WHERE %2$s
                    UNION ALL
                    SELECT CASE WHEN l.at < %5$s THEN l.number + 1 ELSE s.low END,
                           CASE WHEN l.at < %5$s THEN s.high ELSE (s.low + s.high) / 2 END
                    FROM search s
                    CROSS JOIN LATERAL (
                        SELECT t.%3$s AS number, t.%4$s AS at FROM %1$s t
                        WHERE %2$s AND t.%3$s >= (s.low + s.high) / 2
                        ORDER BY t.%3$s LIMIT 1) l
                    WHERE s.low < s.high
                )
                %6$s
                """.formatted(table, condition, number, time, moment, select);
    }
}
