package com.cagen.quota.entry.request;

import com.cagen.quota.domain.request.Violation;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;

/** What the OpenAPI document asks of the fields of one operation, compiled. Immutable. */
final class RequestSchema {
    private final List<Field> fields = new ArrayList<>();

    /** @param rule what the field must be, in words */
    private record Field(String name, boolean required, boolean query, ValueCheck check, String rule) {}

    /** @param schema of one object with all the fields; {@code x-query} lists those that come as text in a query */
    RequestSchema(JsonObject schema) {
        JsonObject properties = schema.getJsonObject("properties");
        JsonArray required = schema.getJsonArray("required");
        JsonArray query = schema.getJsonArray("x-query");
        for (String name : properties.fieldNames()) {
            JsonObject property = properties.getJsonObject(name);
            fields.add(new Field(
                    name,
                    required.contains(name),
                    query.contains(name),
                    new ValueCheck(property),
                    SchemaDescription.describe(property)));
        }
    }

    /** The names of the fields that a query may hold. */
    List<String> queryFields() {
        return fields.stream().filter(Field::query).map(Field::name).toList();
    }

    boolean has(String name) {
        return fields.stream().anyMatch(field -> field.name.equals(name));
    }

    /** Whether a query's text for this field means an integer. */
    boolean isInteger(String name) {
        return fields.stream().anyMatch(field -> field.name.equals(name) && field.check.integer());
    }

    /** Everything that is wrong with {@code values}, one entry a field; null counts as absent. */
    List<Violation> check(JsonObject values) {
        List<Violation> violations = List.of();
        for (Field field : fields) {
            Object value = values.getValue(field.name);
            String problem = null;
            if (value == null) {
                problem = field.required ? "is missing: it " + field.rule : null;
            } else if (!field.check.accepts(value)) {
                problem = field.rule;
            }
            if (problem != null) {
                violations = violations.isEmpty() ? new ArrayList<>() : violations;
                violations.add(new Violation(field.name, problem));
            }
        }
        return violations;
    }
}
