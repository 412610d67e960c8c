package com.cagen.quota.storage.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.cagen.quota.config.Config;
import com.cagen.quota.storage.rows.ChainRows;
import com.cagen.quota.storage.rows.GrantRows;
import com.cagen.quota.storage.rows.HoldingRows;
import com.cagen.quota.storage.rows.JournalRows;
import com.cagen.quota.storage.rows.QuotaRows;
import com.cagen.quota.storage.rows.QuotaWrites;
import com.cagen.quota.storage.rows.RequestRows;
import com.cagen.quota.storage.rows.SealRows;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.RowSet;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The plans of the statements that every operation runs, on connections as the service has them, which made them while the
 * tables were empty, small or large.
 */
class PlansIT {
    /** @param keys the columns by which each of its tables is searched in an index; none: it only inserts */
    private record Hot(Class<?> rows, String name, List<String> keys) {
        String prepared() {
            return rows.getSimpleName() + "_" + name;
        }
    }

    private static final List<String> QUOTA = List.of("organization_id", "id");
    private static final List<String> HOLDING = List.of("organization_id", "quota_id", "resource_id");
    private static final List<String> ORGANIZATION = List.of("organization_id");

    private static final List<Hot> STATEMENTS = List.of(
            new Hot(QuotaRows.class, "FIND_ALL", QUOTA),
            new Hot(QuotaRows.class, "LOCK_ALL", QUOTA),
            new Hot(QuotaRows.class, "LOCK_FREE", QUOTA),
            new Hot(QuotaWrites.class, "UPDATE_FIGURES", QUOTA),
            new Hot(QuotaWrites.class, "UPDATE", QUOTA),
            new Hot(HoldingRows.class, "FIND_HELD", HOLDING),
            new Hot(HoldingRows.class, "INSERT_HELD", List.of()),
            new Hot(HoldingRows.class, "UPDATE_HELD", HOLDING),
            new Hot(HoldingRows.class, "DELETE_HELD", HOLDING),
            new Hot(GrantRows.class, "FIND", List.of("organization_id", "quota_id", "user_id")),
            new Hot(RequestRows.class, "CLAIM_ALL_NONCES", List.of()),
            new Hot(RequestRows.class, "CLAIM_NONCES", List.of()),
            new Hot(RequestRows.class, "FIND_OPERATIONS", List.of("organization_id", "service_id", "idempotency_key")),
            new Hot(RequestRows.class, "INSERT_OPERATIONS", List.of()),
            new Hot(JournalRows.class, "INSERT", List.of()),
            new Hot(JournalRows.class, "INSERT_UNSEALED", List.of()),
            new Hot(ChainRows.class, "WAITING", ORGANIZATION),
            new Hot(ChainRows.class, "LOCK", ORGANIZATION),
            // Both tables are searched: the one that waits by its organization, the journal by the whole key as well.
            new Hot(ChainRows.class, "WAITING_ROWS", ORGANIZATION),
            new Hot(ChainRows.class, "DELETE_UNSEALED", List.of("organization_id", "position")),
            new Hot(ChainRows.class, "UPDATE_HEADS", ORGANIZATION),
            new Hot(SealRows.class, "INSERT_SEALS", List.of()),
            new Hot(SealRows.class, "INSERT_QUOTAS", List.of()));

    private static final Pattern PARAMETER = Pattern.compile("\\$(\\d+)");

    /** Not asserted for small tables: reading all of one is as good there. */
    @ParameterizedTest
    @ValueSource(ints = {0, 50, 20_000})
    void looksRowsUpByTheirWholeKeysSoonAfterTheTablesHaveGrown(int rows) throws Exception {
        assumeTrue(TestConfig.ENGINE == Config.Engine.POSTGRESQL, "Citus has each of its nodes plan each time");
        String url = TestDatabase.create();
        fill(url, 1, rows);
        TestDatabase.execute(url, "VACUUM ANALYZE");
        AtomicLong nanoTime = new AtomicLong();
        Vertx vertx = Vertx.vertx();
        try {
            Database database = Database.open(
                    vertx, DatabaseUrl.parse(url), TestConfig.of(url).database(), "test", 1, nanoTime::get);
            for (Hot hot : STATEMENTS) {
                inTransaction(database, connection -> connection
                        .query("PREPARE " + hot.prepared() + " AS " + sql(hot))
                        .execute());
                plan(database, hot);
            }
            fill(url, rows + 1, 30_000);
            nanoTime.addAndGet(PlanAges.FIRST_NANOS);
            for (Hot hot : STATEMENTS) {
                JsonObject plan = plan(database, hot);
                assertThat(faults(plan, hot))
                        .as(hot + ": " + plan.encodePrettily())
                        .isEmpty();
            }
        } finally {
            vertx.close().await();
        }
    }

    /** Half of the rows are of one organization. */
    private static void fill(String url, int from, int to) {
        String organization = "CASE n % 2 WHEN 0 THEN 'org_0' ELSE 'org_' || n % 100 END";
        String numbers = " FROM generate_series(" + from + ", " + to + ") AS n";
        for (String sql : List.of(
                "INSERT INTO quota.quotas (organization_id, id, path, level, name, type, owner_id, owner_ids,"
                        + " inherited_owner_ids, total_mb, created_at, updated_at) SELECT " + organization
                        + ", 'quota_' || n, '/quota_' || n, 0, 'n', 'organization', 'u', '{u}', '{}', 100, now(), now()"
                        + numbers,
                "INSERT INTO quota.quota_holdings SELECT " + organization + ", 'quota_' || n, 'r', 1, now()" + numbers,
                "INSERT INTO quota.quota_grants (organization_id, quota_id, user_id, permissions) SELECT "
                        + organization + ", 'quota_' || n, 'u', '{read}'" + numbers,
                "INSERT INTO quota.operations SELECT " + organization + ", 's', 'key_' || n, '', '', '', now()"
                        + numbers,
                "INSERT INTO quota.journal SELECT " + organization + ", n, gen_random_uuid(), 1, '[]'" + numbers,
                "INSERT INTO quota.unsealed SELECT " + organization + ", n" + numbers,
                "INSERT INTO quota.chain_heads SELECT 'org_' || n" + numbers,
                "INSERT INTO quota.nonces SELECT " + organization
                        + ", 's', 'n_' || n, (extract(epoch FROM now()) * 1000)::bigint" + numbers)) {
            TestDatabase.execute(url, sql);
        }
    }

    private static String sql(Hot hot) {
        try {
            Field field = hot.rows.getDeclaredField(hot.name);
            field.setAccessible(true);
            return field.get(null) instanceof BatchStatement batch
                    ? batch.ofManyOrganizations()
                    : (String) field.get(null);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(e.getMessage(), e);
        }
    }

    private static JsonObject plan(Database database, Hot hot) throws Exception {
        int parameters = PARAMETER
                .matcher(sql(hot))
                .results()
                .mapToInt(found -> Integer.parseInt(found.group(1)))
                .max()
                .orElse(0);
        String nulls = String.join(", ", Collections.nCopies(parameters, "NULL")); // each has one at least
        return inTransaction(database, connection -> connection
                        .query("EXPLAIN (FORMAT JSON) EXECUTE " + hot.prepared() + "(" + nulls + ")")
                        .execute())
                .iterator()
                .next()
                .getJsonArray(0)
                .getJsonObject(0)
                .getJsonObject("Plan");
    }

    private static RowSet<Row> inTransaction(Database database, Function<DatabaseSession, Future<RowSet<Row>>> work)
            throws Exception {
        return database.transaction(SecurityScope.organization("org_0"), work).await(20, TimeUnit.SECONDS);
    }

    /** Nodes that read a table in another way than by the keys. */
    private static List<String> faults(JsonObject plan, Hot hot) {
        List<JsonObject> nodes = new ArrayList<>();
        collect(plan, nodes);
        List<String> faults = new ArrayList<>();
        boolean searched = false;
        for (JsonObject node : nodes) {
            String type = node.getString("Node Type");
            // What these find was looked up in an index before, by a node below them or beside them.
            if (Set.of("ModifyTable", "Tid Scan", "Bitmap Heap Scan").contains(type)
                    || (!node.containsKey("Relation Name") && !node.containsKey("Index Name"))) {
                continue;
            }
            searched = true;
            String condition = node.getString("Index Cond", "");
            if (hot.keys.isEmpty() || !hot.keys.stream().allMatch(condition::contains)) {
                faults.add(type + " on " + node.getString("Relation Name") + " by " + condition);
            }
        }
        if (searched == hot.keys.isEmpty()) {
            faults.add(searched ? "it reads a table" : "it reads no table");
        }
        return faults;
    }

    private static void collect(JsonObject node, List<JsonObject> nodes) {
        nodes.add(node);
        JsonArray children = node.getJsonArray("Plans", new JsonArray());
        for (int i = 0; i < children.size(); i++) {
            collect(children.getJsonObject(i), nodes);
        }
    }
}
