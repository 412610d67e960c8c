package com.cagen.quota.storage.sql;

import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import java.util.function.Function;

/** A write that touches another number of rows than it should, for example because a policy hides some, is a fault. */
final class RowCounts {
    private RowCounts() {}

    /** Succeeds when the statement touched exactly {@code rows} rows. */
    static Function<RowSet<Row>, Future<Void>> expect(int rows) {
        return result -> result.rowCount() == rows
                ? Future.succeededFuture()
                : Future.failedFuture(
                        new IllegalStateException("a write touched " + result.rowCount() + " rows, not " + rows));
    }
}
