package com.cagen.quota.storage.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.SslMode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DatabaseUrlTest {
    @Test
    void readsEveryPart() {
        DatabaseUrl url =
                DatabaseUrl.parse("postgresql://us%40er:p%40ss%2F%2B+%25@db.example:6432/quota%20db?sslmode=require");
        assertThat(url.host()).isEqualTo("db.example");
        assertThat(url.port()).isEqualTo(6432);
        assertThat(url.database()).isEqualTo("quota db");
        assertThat(url.user()).isEqualTo("us@er");
        assertThat(url.password().reveal()).isEqualTo("p@ss/++%");
        assertThat(url.sslMode()).isEqualTo("require");
    }

    @Test
    void takesTheUsualPortAndPrefersTls() {
        DatabaseUrl url = DatabaseUrl.parse("postgres://u@[::1]/d");
        assertThat(url.host()).isEqualTo("::1");
        assertThat(url.port()).isEqualTo(5432);
        assertThat(url.sslMode()).isEqualTo("prefer");
        assertThat(url.jdbcUrl()).isEqualTo("jdbc:postgresql://[::1]:5432/d");
    }

    @Test
    void givesTheClientWhatRequireNeeds() {
        PgConnectOptions options =
                DatabaseUrl.parse("postgresql://u:p@h/d?sslmode=require").toPgConnectOptions();
        assertThat(options.getSslMode()).isEqualTo(SslMode.REQUIRE);
        assertThat(options.getSslOptions().isTrustAll()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "mysql://u:hunter2@h/d",
                "postgresql://u:hunter2@h",
                "postgresql://u:hunter2@h/",
                "postgresql://u:hunter2@h/a/b",
                "postgresql://:hunter2@h/d",
                "postgresql://u:hunter2@h1,h2/d",
                "postgresql://u:hunter2 x@h/d",
                "postgresql://u:hunter2#@h/d",
                "postgresql://u:hunter2@h/d?sslmode=always",
                "postgresql://u:hunter2@h/d?sslmode=verify-full",
                "postgresql://u:hunter2%zz@h/d",
                "hunter2",
            })
    void refusesWithoutPrintingThePassword(String text) {
        assertThatThrownBy(() -> DatabaseUrl.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageNotContaining("hunter2")
                .hasNoCause();
    }

    @Test
    void neverPrintsThePassword() {
        assertThat(DatabaseUrl.parse("postgresql://u:hunter2@h/d")).asString().doesNotContain("hunter2");
    }
}
