package com.cagen.quota.storage.sql;

import io.vertx.sqlclient.Tuple;
import java.util.Arrays;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A statement over many rows, which come as arrays of equal length, one for each column. On PostgreSQL the rows may be of any
 * organizations, and {@code $1} is an array as well. Citus must see one organization in the statement itself to send it to
 * the right node: there {@code $1} is its id, and it is compared, or inserted from the organization's own row, as a column.
 */
public final class BatchStatement {
    private static final Pattern SPACE = Pattern.compile(" ");
    private static final Pattern PARAMETER = Pattern.compile("\\$(\\d+)");
    /** How the statement is written for an engine. */
    public enum Form {
        MANY_ORGANIZATIONS,
        ONE_ORGANIZATION;

        /**
         * The rows, for FROM, under the name {@code v}: the first column is {@code organization_id} (not there in {@link
         * #ONE_ORGANIZATION}), the others as given, their arrays from {@code $2} on.
         *
         * @param columns each a name and a type; another type may follow that the column has in the table
         */
        public String rows(String... columns) {
            String names = Arrays.stream(columns).map(Form::name).collect(Collectors.joining(", "));
            String arrays = IntStream.range(0, columns.length)
                    .mapToObj(i -> "$" + (i + 2) + "::" + type(columns[i]) + "[]")
                    .collect(Collectors.joining(", "));
            return this == MANY_ORGANIZATIONS
                    ? "unnest($1::text[], " + arrays + ") AS v (organization_id, " + names + ")"
                    : "unnest(" + arrays + ") AS v (" + names + ")";
        }

        /** That a table's row and {@code v} are of the same organization. */
        public String same(String table) {
            return table + ".organization_id = "
                    + (this == MANY_ORGANIZATIONS ? "v.organization_id COLLATE \"C\"" : "$1");
        }

        /**
         * INSERT INTO … SELECT …, one row for each of {@link #rows}; an ORDER BY may follow.
         *
         * @param constant a column and its parameter, alike for all rows; or ""
         */
        public String insert(String table, String constant, String... columns) {
            String names = Arrays.stream(columns).map(Form::name).collect(Collectors.joining(", "));
            String values = Arrays.stream(columns).map(Form::value).collect(Collectors.joining(", "));
            String more = constant.isEmpty() ? "" : ", " + name(constant);
            String moreValues = constant.isEmpty() ? "" : ", " + type(constant);
            String head = "INSERT INTO " + table + " (organization_id, " + names + more + ") SELECT ";
            return this == MANY_ORGANIZATIONS
                    ? head + "v.organization_id, " + values + moreValues + " FROM " + rows(columns)
                    : head + "h.organization_id, " + values + moreValues + " FROM quota.chain_heads h CROSS JOIN "
                            + rows(columns) + " WHERE h.organization_id = $1";
        }

        /** The organization first, where there are several. */
        public String orderBy(String expressions) {
            return " ORDER BY " + (this == MANY_ORGANIZATIONS ? "v.organization_id COLLATE \"C\", " : "") + expressions;
        }

        private static String name(String column) {
            return SPACE.splitAsStream(column).findFirst().orElseThrow();
        }

        private static String type(String column) {
            return SPACE.splitAsStream(column).skip(1).findFirst().orElseThrow();
        }

        private static String value(String column) {
            String cast =
                    SPACE.splitAsStream(column).skip(2).map(to -> "::" + to).collect(Collectors.joining());
            return "v." + name(column) + cast;
        }
    }

    private final String many;
    private final String one;
    private final boolean guarded;

    private BatchStatement(String many, String one, boolean guarded) {
        this.many = many;
        this.one = one;
        this.guarded = guarded;
    }

    /** A query, or an INSERT, which writes all of its rows or fails. */
    public static BatchStatement of(Function<Form, String> sql) {
        return new BatchStatement(sql.apply(Form.MANY_ORGANIZATIONS), sql.apply(Form.ONE_ORGANIZATION), false);
    }

    /**
     * An UPDATE or DELETE, which may find fewer rows than it should.
     *
     * @param sql without RETURNING
     */
    public static BatchStatement guarded(Function<Form, String> sql) {
        return new BatchStatement(sql.apply(Form.MANY_ORGANIZATIONS), sql.apply(Form.ONE_ORGANIZATION), true);
    }

    /** The text for Citus. */
    public String ofOneOrganization() {
        return one;
    }

    /** The text for PostgreSQL. */
    String ofManyOrganizations() {
        return many;
    }

    /** The text for PostgreSQL, its parameters from {@code $before + 1} on. */
    String ofManyOrganizations(int before) {
        return PARAMETER
                .matcher(many)
                .replaceAll(number -> Matcher.quoteReplacement("$" + (before + Integer.parseInt(number.group(1)))));
    }

    /** Whether it may touch fewer rows than it should, which must be checked. */
    boolean guarded() {
        return guarded;
    }

    static void addAll(Tuple all, Tuple values) {
        for (int i = 0; i < values.size(); i++) {
            all.addValue(values.getValue(i));
        }
    }
}
