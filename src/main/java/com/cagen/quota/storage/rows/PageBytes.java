package com.cagen.quota.storage.rows;

import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * The limit in bytes on one page of rows. It acts inside the statement, so that the rows beyond it never reach this process: the
 * window adds up the sizes of the rows before each row, and only rows whose predecessors fit are returned. The first row is
 * always returned, so a page exceeds the limit by less than one row.
 */
final class PageBytes {
    /**
     * A usual page of 100 ledger or audit entries has about 40 KiB and is not cut. The longest texts that the contract permits
     * make a page of several megabytes.
     */
    static final long MAX = 256 * 1024;

    /** What the members of fixed size of one row take when encoded. */
    private static final int FIXED = 512;

    private PageBytes() {}

    /** What one row takes when encoded: its texts in UTF-8, and its other members. */
    static long size(@Nullable String... texts) {
        long bytes = FIXED;
        for (String text : texts) {
            bytes += text == null ? 0 : text.getBytes(StandardCharsets.UTF_8).length;
        }
        return bytes;
    }

    /** Whether there are more rows than those of {@code page}, which a statement made by {@link #cut} has read. */
    static boolean more(RowSet<Row> page) {
        boolean more = false;
        for (Row row : page) {
            more = row.getBoolean("more");
        }
        return more;
    }

    /**
     * A statement that reads one page, in order, cut at {@link #MAX} bytes.
     *
     * @param rows a SELECT that returns the rows in order, and one more than the page may have when there are more
     * @param order the columns and direction that it orders by
     * @param size the SQL expression for the bytes of a row's texts
     * @param limit the parameter that {@code rows} has as its LIMIT
     * @return a SELECT with the columns of {@code rows} and, last, {@code more}: whether {@code rows} has another row after this one
     */
    static String cut(String rows, String order, String size, String limit) {
        return """
                SELECT page.* FROM (
                    SELECT listed.*,
                        coalesce(sum(%3$s + %5$d) OVER w, 0) AS bytes_before,
                        row_number() OVER w AS number,
                        lead(1) OVER w IS NOT NULL AS more
                    FROM (%1$s) AS listed
                    WINDOW w AS (ORDER BY %2$s ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                ) AS page
                WHERE bytes_before < %6$d AND number < %4$s
                ORDER BY %2$s
                """.formatted(rows, order, size, limit, FIXED, MAX);
    }
}
