package com.cagen.quota.storage;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.testing.TestDatabase;
import org.junit.jupiter.api.Test;

class MigrationsIT {
    @Test
    void migratesAnEmptyDatabaseAndFindsNothingToDoTheSecondTime() throws Exception {
        String url = TestDatabase.create();
        Migrations.run(DatabaseUrl.parse(url));
        Migrations.run(DatabaseUrl.parse(url));
        try (var connection = TestDatabase.connect(url);
                var rows = connection
                        .createStatement()
                        .executeQuery("SELECT count(*) FROM quota.flyway_schema_history WHERE success")) {
            assertThat(rows.next()).isTrue();
            assertThat(rows.getInt(1)).isGreaterThanOrEqualTo(2);
        }
    }
}
