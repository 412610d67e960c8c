package com.cagen.quota.storage.rows;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.storage.sql.BatchStatement;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * What Citus asks of statements: each names its organization itself, as the policies alone would send it to every node; no write
 * is hidden in a WITH; and what is inserted from a SELECT takes its organization from a table's column.
 */
class StatementsTest {
    /** They run under the maintenance scope, over all organizations. */
    private static final Set<String> OVER_ALL_ORGANIZATIONS = Set.of(
            "ChainRows.WAITING",
            "ChainRows.WAITING_ON_ALL_NODES",
            "ChainRows.HEADS_AFTER",
            "RequestRows.FORGET_OPERATIONS",
            "RequestRows.FORGET_OPERATIONS_ON_ALL_NODES",
            "AuthOutboxRows.ORGANIZATIONS_DUE",
            "RequestRows.ROLL_NONCES",
            "DrainingQuotas.FREED",
            "JournalRows.NEXT_MOMENT",
            "ReservationRows.DUE_QUOTAS",
            "ReservationRows.COUNT_HELD",
            "IncreaseRows.COUNT_PENDING",
            "Utilization.FULLEST");

    private record Statement(String name, String sql) {}

    private static List<Statement> statements() throws IllegalAccessException {
        List<Statement> found = new ArrayList<>();
        for (Class<?> rows : List.of(
                AuthGrantRows.class,
                AuthOutboxRows.class,
                ChainRows.class,
                DrainingQuotas.class,
                FormerAuditRows.class,
                FiguresThen.class,
                FormerUsageRows.class,
                GrantRows.class,
                HoldingRows.class,
                JournalRows.class,
                QuotaRows.class,
                QuotaStates.class,
                QuotaTrees.class,
                SubtreeRows.class,
                QuotaWrites.class,
                RequestRows.class,
                ReservationRows.class,
                IncreaseRows.class,
                RuntimeRows.class,
                SiblingKeys.class,
                SealRows.class,
                SealedRows.class,
                UsageMinutes.class,
                Utilization.class)) {
            for (Field field : rows.getDeclaredFields()) {
                if (Modifier.isStatic(field.getModifiers())) {
                    field.setAccessible(true);
                    Object value = field.get(null);
                    String sql = value instanceof BatchStatement batch
                            ? batch.ofOneOrganization()
                            : value instanceof String text ? text : "";
                    if (Stream.of("SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH ")
                            .anyMatch(sql.strip()::startsWith)) {
                        found.add(new Statement(rows.getSimpleName() + '.' + field.getName(), sql));
                    }
                }
            }
        }
        return found;
    }

    @Test
    void everyStatementNamesItsOrganization() throws IllegalAccessException {
        List<Statement> statements = statements();
        assertThat(statements).hasSizeGreaterThan(40);
        for (Statement statement : statements) {
            if (statement.sql.contains("VALUES")) {
                assertThat(statement.sql)
                        .as(statement.name)
                        .contains("(organization_id")
                        .contains("VALUES ($1");
            } else if (!OVER_ALL_ORGANIZATIONS.contains(statement.name) && !statement.sql.contains("set_config")) {
                assertThat(statement.sql).as(statement.name).contains("organization_id = $1");
            }
        }
    }

    /** A clock that goes on while a statement runs is compared with every row: no index is searched by it. */
    @Test
    void noConditionComparesWithAClockThatGoesOn() throws IllegalAccessException {
        for (Statement statement : statements()) {
            assertThat(statement.sql).as(statement.name).doesNotContainPattern("[<>=]\\s*clock_timestamp");
        }
    }

    @Test
    void noWriteIsPartOfAnotherStatement() throws IllegalAccessException {
        for (Statement statement : statements()) {
            assertThat(statement.sql).as(statement.name).doesNotContain("(INSERT", "(UPDATE", "(DELETE");
        }
    }

    @Test
    void whatIsInsertedFromASelectTakesItsOrganizationFromAColumn() throws IllegalAccessException {
        for (Statement statement : statements()) {
            if (statement.sql.strip().startsWith("INSERT") && statement.sql.contains("SELECT")) {
                assertThat(statement.sql)
                        .as(statement.name)
                        .contains(
                                "SELECT h.organization_id,",
                                "FROM quota.chain_heads h",
                                "WHERE h.organization_id = $1");
            }
        }
    }
}
