package com.cagen.quota.operations.quota;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.request.Violation;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.testing.Contracts;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Trees are checked by code, everything else by the OpenAPI document: the limits must be the same. */
class DeclaredTreeTest {
    private final JsonObject schemas =
            Contracts.contract().resolved().getJsonObject("components").getJsonObject("schemas");

    private static List<String> rejected(JsonObject tree) {
        List<Violation> violations = new ArrayList<>();
        DeclaredTree.check(new Fields(tree, violations));
        return violations.stream().map(Violation::field).toList();
    }

    @Test
    void limitsAreThoseOfTheDocument() {
        JsonObject update = schemas.getJsonObject("UpdateQuota").getJsonObject("properties");
        assertThat(update.getJsonObject("name").getInteger("maxLength")).isEqualTo(DeclaredTree.MAX_NAME);
        assertThat(update.getJsonObject("description").getInteger("maxLength")).isEqualTo(DeclaredTree.MAX_DESCRIPTION);
        assertThat(update.getJsonObject("key").getInteger("maxLength")).isEqualTo(DeclaredTree.MAX_KEY);
        assertThat(update.getJsonObject("key").getString("pattern")).isEqualTo("^[a-z0-9-]*$");
        assertThat(update.getJsonObject("total_mb").getLong("minimum")).isEqualTo(1);
        assertThat(update.getJsonObject("total_mb").getLong("maximum")).isEqualTo(DeclaredTree.MAX_TOTAL_MB);
        assertThat(schemas.getJsonObject("QuotaType").getJsonArray("enum"))
                .containsExactlyInAnyOrder("organization", "team");
    }

    /** As many as a body has room for: naming what is wrong with each would take seconds of an event loop. */
    @Test
    void namesNoneOfTooMany() {
        JsonArray children = new JsonArray();
        for (int i = 0; i < 20_000; i++) {
            children.add(new JsonObject());
        }
        assertThat(rejected(new JsonObject().put("children", children))).containsExactly("children");
    }

    @Test
    void holdsTextsToTheLimits() {
        assertThat(rejected(new JsonObject().put("name", "😀".repeat(255)))).isEmpty();
        assertThat(rejected(new JsonObject().put("name", "😀".repeat(256)))).containsExactly("name");
        for (Object name : List.of("", "a\tb", "a\u0000", "\ud800", 5, true, new JsonObject())) {
            assertThat(rejected(new JsonObject().put("name", name)))
                    .as("%s", name)
                    .containsExactly("name");
        }
        assertThat(rejected(new JsonObject().put("description", "a\n\tb"))).isEmpty();
        for (Object description : List.of("a\rb", "a".repeat(2_001), 5)) {
            assertThat(rejected(new JsonObject().put("description", description)))
                    .containsExactly("description");
        }
        for (Object total : List.of(0, -1, 1.5, 10.0, "5", 9_007_199_254_740_992L)) {
            assertThat(rejected(new JsonObject().put("total_mb", total))).containsExactly("total_mb");
        }
        assertThat(rejected(new JsonObject().put("total_mb", 9_007_199_254_740_991L)))
                .isEmpty();
    }
}
