package com.cagen.quota.auth;

import com.cagen.quota.config.Config;
import com.cagen.quota.storage.schema.Migrations;
import com.cagen.quota.storage.sql.Database;
import com.cagen.quota.storage.sql.DatabaseUrl;
import com.cagen.quota.testing.TestConfig;
import com.cagen.quota.testing.TestDatabase;
import io.vertx.core.Vertx;
import java.sql.SQLException;

/** A migrated database, used as the service uses it and looked at behind its back. */
public final class AuthDatabase {
    private final String url = TestDatabase.create();
    public final Database database;

    public AuthDatabase(Vertx vertx, Config config) {
        Migrations.run(DatabaseUrl.parse(url), TestConfig.ENGINE);
        database = Database.open(vertx, DatabaseUrl.parse(url), config.database(), "test", 4);
    }

    /** A root quota of {@code user_1}, unless it is there. */
    public void quota(String organizationId, String quotaId) {
        execute("""
                INSERT INTO quota.quotas (organization_id, id, path, level, name, type, owner_id, owner_ids,
                                          inherited_owner_ids, total_mb, created_at, updated_at)
                VALUES ('%s', '%s', '/%2$s', 0, 'q', 'organization', 'user_1', '{user_1}', '{}', 10, now(), now())
                ON CONFLICT DO NOTHING
                """.formatted(organizationId, quotaId));
    }

    /** Records read and admin for {@code user}, as a quota's creation does for its admins. */
    public void admin(String organizationId, String quotaId, String user) {
        quota(organizationId, quotaId);
        execute("""
                INSERT INTO quota.quota_grants (organization_id, quota_id, user_id, permissions)
                VALUES ('%s', '%s', '%s', '{read,admin}')
                """.formatted(organizationId, quotaId, user));
    }

    public void execute(String sql) {
        TestDatabase.execute(url, sql);
    }

    public long number(String sql) {
        try (var connection = TestDatabase.connect(url);
                var statement = connection.createStatement();
                var rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getLong(1);
        } catch (SQLException e) {
            throw new IllegalStateException(sql, e);
        }
    }
}
