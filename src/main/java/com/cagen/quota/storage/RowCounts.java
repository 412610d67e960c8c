package com.cagen.quota.storage;

import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import java.util.function.Function;

/** A write that touched another number of rows than it should, for example because a policy hid some, is a fault. */
final class RowCounts {
    private RowCounts() {}

    /**
     * A write that fails by itself (division by zero) when it touches another number of rows than the parameter {@code
     * expected} says: for those that are sent together with their COMMIT.
     */
    static String orFail(String write, String expected) {
        return "WITH written AS (" + write + " RETURNING 1) SELECT 1 / (count(*) = " + expected + ")::int FROM written";
    }

    /** Succeeds when the statement touched exactly {@code rows} rows. */
    static Function<RowSet<Row>, Future<Void>> expect(int rows) {
        return result -> result.rowCount() == rows
                ? Future.succeededFuture()
                : Future.failedFuture(
                        new IllegalStateException("a write touched " + result.rowCount() + " rows, not " + rows));
    }
}
