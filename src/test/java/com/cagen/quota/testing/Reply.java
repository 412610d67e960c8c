package com.cagen.quota.testing;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import io.vertx.core.MultiMap;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An HTTP answer of the service. */
public record Reply(int status, MultiMap headers, String body) {

    /** The {@code data} of a success; fails for anything else. */
    public JsonObject data() {
        assertThat(status).as(body).isIn(200, 201);
        return new JsonObject(body).getJsonObject("data");
    }

    /** The objects of {@code data}'s list {@code name}. */
    public List<JsonObject> list(String name) {
        return data().getJsonArray(name).stream().map(JsonObject.class::cast).toList();
    }

    /** The {@code code} of a refusal; null of a success. */
    public @Nullable String code() {
        return new JsonObject(body).getString("code");
    }

    /** The {@code details} of a refusal with {@code code}; fails for anything else. */
    public JsonObject refused(ErrorCode code) {
        assertThat(code()).as(body).isEqualTo(code.wireName());
        assertThat(status).as(body).isEqualTo(code.httpStatus());
        return new JsonObject(body).getJsonObject("details");
    }

    /** The fields named by a 400's violations. */
    public List<String> violations() {
        JsonArray violations = refused(ErrorCode.INVALID_REQUEST).getJsonArray("violations");
        return violations.stream()
                .map(each -> ((JsonObject) each).getString("field"))
                .toList();
    }

    /** Whether it says that it is an earlier request's answer. */
    public boolean replayed() {
        return "true".equals(headers.get("Idempotent-Replayed"));
    }
}
