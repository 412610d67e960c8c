package com.cagen.quota.testing;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.ErrorCode;
import io.vertx.core.MultiMap;
import io.vertx.core.json.JsonObject;
import io.vertx.json.schema.Draft;
import io.vertx.json.schema.JsonSchema;
import io.vertx.json.schema.JsonSchemaOptions;
import io.vertx.json.schema.OutputFormat;
import io.vertx.json.schema.OutputUnit;
import io.vertx.json.schema.Validator;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Asserts that answers are as the OpenAPI document says. Thread-safe. */
public final class ContractChecker {
    private final JsonObject document = Contracts.contract().resolved();
    private final Map<String, Validator> validators = new HashMap<>();

    /**
     * Checks an answer with its headers.
     *
     * @param path without host and query
     * @param body as it came
     */
    public void check(String method, String path, int status, MultiMap headers, String body) {
        check(method, path, status, body);
        String answer = method + " " + path + " " + status;
        assertThat(headers.get("X-Request-ID")).as(answer).matches("[A-Za-z0-9._-]{1,128}");
        if (status == 503) {
            assertThat(headers.get("Retry-After")).as(answer).matches("[1-9][0-9]*");
        }
        if (status == 405) {
            assertThat(headers.get("Allow")).as(answer).isNotBlank();
        }
        if (status >= 400) {
            assertThat(new JsonObject(body).getString("request_id")).as(answer).isEqualTo(headers.get("X-Request-ID"));
        }
    }

    /** Checks an answer's body; for paths and methods that the document does not have, only an error will do. */
    public synchronized void check(String method, String path, int status, String body) {
        String answer = method + " " + path + " " + status + " " + body;
        String template = template(path);
        JsonObject operation = template == null
                ? null
                : document.getJsonObject("paths")
                        .getJsonObject(template)
                        .getJsonObject(method.toLowerCase(Locale.ROOT));
        JsonObject schema;
        if (operation == null) {
            assertThat(status).as("undocumented: %s", answer).isIn(404, 405);
            schema = document.getJsonObject("components")
                    .getJsonObject("schemas")
                    .getJsonObject("Error");
        } else {
            JsonObject response = operation.getJsonObject("responses").getJsonObject(String.valueOf(status));
            assertThat(response).as("undocumented: %s", answer).isNotNull();
            if (response.getJsonObject("content") == null || !body.startsWith("{")) {
                assertThat(status).as(answer).isLessThan(400);
                return;
            }
            schema = response.getJsonObject("content")
                    .getJsonObject("application/json")
                    .getJsonObject("schema");
        }
        JsonObject json = new JsonObject(body);
        validate(schema, template + method + status, json, answer);
        if (status >= 400) {
            ErrorCode code = ErrorCode.valueOf(json.getString("code").toUpperCase(Locale.ROOT));
            assertThat(code.httpStatus()).as(answer).isEqualTo(status);
        }
    }

    /** @param key under which the compiled schema is kept */
    public synchronized void validate(JsonObject schema, String key, JsonObject json, String answer) {
        Validator validator = validators.computeIfAbsent(
                key,
                ignored -> Validator.create(
                        JsonSchema.of(schema.copy()),
                        new JsonSchemaOptions()
                                .setBaseUri("https://cagen.invalid/")
                                .setDraft(Draft.DRAFT202012)
                                .setOutputFormat(OutputFormat.Basic)));
        OutputUnit result = validator.validate(json);
        assertThat(result.getValid())
                .as("%s does not conform: %s", answer, result.getErrors())
                .isTrue();
    }

    /** The document's path for a request's: the one with the fewest placeholders that fits. */
    private @Nullable String template(String path) {
        String[] parts = path.split("/", -1);
        String best = null;
        int fewest = Integer.MAX_VALUE;
        for (String template : document.getJsonObject("paths").fieldNames()) {
            String[] wanted = template.split("/", -1);
            int placeholders = 0;
            boolean fits = wanted.length == parts.length;
            for (int i = 0; fits && i < wanted.length; i++) {
                if (wanted[i].startsWith("{")) {
                    placeholders++;
                    fits = !parts[i].isEmpty();
                } else {
                    fits = wanted[i].equals(parts[i]);
                }
            }
            if (fits && placeholders < fewest) {
                best = template;
                fewest = placeholders;
            }
        }
        return best;
    }
}
