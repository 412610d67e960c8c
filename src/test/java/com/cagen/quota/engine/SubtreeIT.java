package com.cagen.quota.engine;

import static com.cagen.quota.engine.EngineHarness.await;
import static com.cagen.quota.engine.EngineHarness.caller;
import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.operations.permission.GrantPermission;
import com.cagen.quota.operations.permission.RevokePermission;
import com.cagen.quota.operations.quota.AllocateQuota;
import com.cagen.quota.operations.quota.CreateQuota;
import com.cagen.quota.operations.quota.ReleaseQuota;
import com.cagen.quota.operations.quota.ResumeQuota;
import com.cagen.quota.operations.quota.SuspendQuota;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaType;
import com.cagen.quota.testing.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Changes that reach every quota of a subtree, against the rule for one row and its parent. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SubtreeIT {
    private static final Caller OWNER = caller("org_1", "owner");

    private final EngineHarness engine = new EngineHarness();
    private final Connection connection = TestDatabase.connect(engine.url);

    SubtreeIT() throws SQLException {}

    @AfterAll
    void stop() throws SQLException {
        connection.close();
        engine.close();
    }

    private String root(long totalMb) {
        return engine.done(OWNER, new CreateQuota.Command("root", null, QuotaType.ORGANIZATION, totalMb, null))
                .getString("id");
    }

    private static AllocateQuota.Command allocate(String parent, long mb) {
        return new AllocateQuota.Command(parent, "child", null, mb, QuotaType.ORGANIZATION, null, List.of());
    }

    private String child(String parent, long mb) {
        return engine.done(OWNER, allocate(parent, mb)).getString("id");
    }

    /** Puts children under a root that the service made, as many allocations would have. */
    private void addChildren(String root, int count) {
        TestDatabase.execute(engine.url, """
                INSERT INTO quota.quotas (organization_id, id, parent_quota_id, path, level, name, type, owner_id, owner_ids,
                    inherited_owner_ids, total_mb, created_at, updated_at)
                SELECT organization_id, id || '_' || n, id, path || '/' || id || '_' || n, 1, 'child', type, owner_id, '{}',
                    owner_ids, 1, created_at, updated_at
                FROM quota.quotas, generate_series(1, %d) AS n WHERE id = '%s'
                """.formatted(count, root));
        TestDatabase.execute(
                engine.url,
                "UPDATE quota.quotas SET allocated_mb = allocated_mb + %d WHERE id = '%s'".formatted(count, root));
    }

    private record Row(
            String id,
            @Nullable String parent,
            String status,
            String ownerId,
            List<String> owners,
            List<String> inherited,
            @Nullable String suspendedBy) {}

    /** Parents come before their children. */
    private Map<String, Row> rows(String root) {
        Map<String, Row> rows = new LinkedHashMap<>();
        try (var statement = connection.createStatement();
                var found = statement.executeQuery("SELECT id, parent_quota_id, status, owner_id, owner_ids,"
                        + " inherited_owner_ids, suspended_by FROM quota.quotas WHERE path LIKE '/" + root
                        + "%' ORDER BY level")) {
            while (found.next()) {
                Row row = new Row(
                        found.getString(1),
                        found.getString(2),
                        found.getString(3),
                        found.getString(4),
                        List.of((String[]) found.getArray(5).getArray()),
                        List.of((String[]) found.getArray(6).getArray()),
                        found.getString(7));
                rows.put(row.id, row);
            }
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
        return rows;
    }

    /** The rule for a living quota: what its parent's row says, and its own state. */
    private static void assertFollowsParents(Map<String, Row> rows) {
        for (Row row : rows.values()) {
            Row parent = row.parent == null ? null : rows.get(row.parent);
            if (row.status.equals("deleted")) {
                continue;
            }
            Set<String> inherited = new LinkedHashSet<>(parent == null ? List.of() : parent.owners);
            inherited.addAll(parent == null ? List.of() : parent.inherited);
            assertThat(row.inherited).as("inherited by %s", row).containsExactlyElementsOf(inherited);
            assertThat(row.ownerId).isEqualTo(parent == null ? row.ownerId : parent.ownerId);
            String suspendedBy = parent == null ? null : parent.suspendedBy;
            assertThat(row.suspendedBy)
                    .as("what suspends %s", row)
                    .isEqualTo(row.status.equals("suspended") ? row.id : suspendedBy);
        }
    }

    @Test
    void everyRowFollowsItsParentWhateverIsGrantedAndSuspended() {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        for (int tree = 0; tree < 8; tree++) {
            String root = root(1_000_000_000);
            Map<String, Long> totals = new HashMap<>(Map.of(root, 1_000_000_000L));
            List<String> quotas = new ArrayList<>(List.of(root));
            for (int i = 0; i < 12; i++) {
                String parent = quotas.get(random.nextInt(quotas.size()));
                long mb = Math.max(1, totals.getOrDefault(parent, 0L) / 20);
                String child = child(parent, mb);
                totals.put(child, mb);
                quotas.add(child);
            }
            Set<String> answers = new LinkedHashSet<>();
            for (int step = 0; step < 40; step++) {
                String quota = quotas.get(random.nextInt(quotas.size()));
                String user = "user" + random.nextInt(4);
                List<Permission> ownership = List.of(Permission.OWNER);
                Input operation =
                        switch (random.nextInt(8)) {
                            case 0, 1, 2 -> new GrantPermission.Command(quota, user, ownership);
                            case 3 -> new RevokePermission.Command(quota, user, ownership);
                            case 4, 5 -> new SuspendQuota.Command(quota, null);
                            case 6 -> new ResumeQuota.Command(quota, null);
                            default -> new ReleaseQuota.Command(quota);
                        };
                Answer answer = await(engine.send(OWNER, null, operation));
                answers.add(answer instanceof Refusal refusal ? refusal.code().wireName() : "done");
                assertFollowsParents(rows(root));
            }
            assertThat(answers).contains("done").isSubsetOf("done", "quota_not_found", "quota_not_empty", "last_owner");
        }
    }

    @Test
    void changesThousandsOfQuotasInOneStatement() throws SQLException {
        String root = root(1_000_000);
        addChildren(root, 4_000);
        String transaction = "SELECT count(DISTINCT xmin::text), count(DISTINCT cmin::text), min(array_to_string("
                + "inherited_owner_ids, ',')), count(DISTINCT (inherited_owner_ids, suspended_by)) FROM quota.quotas"
                + " WHERE parent_quota_id = '" + root + "'";
        engine.done(OWNER, new GrantPermission.Command(root, "second", List.of(Permission.OWNER)));
        assertThat(row(transaction))
                .as("one transaction, one command in it")
                .containsExactly("1", "1", "owner,second", "1");
        engine.done(OWNER, new SuspendQuota.Command(root, null));
        assertThat(row(transaction)).containsExactly("1", "1", "owner,second", "1");
        assertFollowsParents(rows(root));
        engine.done(OWNER, new ResumeQuota.Command(root, null));
        engine.done(OWNER, new RevokePermission.Command(root, "second", List.of(Permission.OWNER)));
        assertThat(row(transaction)).containsExactly("1", "1", "owner", "1");
        assertFollowsParents(rows(root));
    }

    private List<String> row(String sql) throws SQLException {
        try (var statement = connection.createStatement();
                var found = statement.executeQuery(sql)) {
            assertThat(found.next()).isTrue();
            List<String> values = new ArrayList<>();
            for (int i = 1; i <= found.getMetaData().getColumnCount(); i++) {
                values.add(found.getString(i));
            }
            return values;
        }
    }

    @Test
    void aTreeGrowsNoFurtherThanItsLimitAndIsStillCleanedUp() {
        String root = root(1_000_000);
        addChildren(root, Quota.MAX_TREE - 2);
        String last = child(root, 1);
        for (String parent : List.of(root, last)) {
            Refusal full = engine.refused(OWNER, allocate(parent, 1));
            assertThat(full.code()).isEqualTo(ErrorCode.HIERARCHY_VIOLATION);
            assertThat(full.message()).contains("at most 10000 quotas", "has 10000");
        }
        engine.done(OWNER, new SuspendQuota.Command(root, null));
        engine.done(OWNER, new ResumeQuota.Command(root, null));
        engine.done(OWNER, new GrantPermission.Command(root, "second", List.of(Permission.OWNER)));
        assertThat(engine.done(caller("org_1", "second"), new ReleaseQuota.Command(last))
                        .getString("status"))
                .isEqualTo("deleted");
        child(root, 1);
        assertThat(engine.refused(OWNER, allocate(root, 1)).code()).isEqualTo(ErrorCode.HIERARCHY_VIOLATION);
    }
}
