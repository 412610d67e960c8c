package com.cagen.quota.entry.request;

import com.cagen.quota.domain.request.Violation;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the OpenAPI document asks of the fields of one operation, compiled. Immutable. */
final class RequestSchema {
    private final List<Field> fields = new ArrayList<>();

    /**
     * @param rule what the field must be, in words
     * @param objects what the objects of a list must be; null for anything else
     */
    private record Field(
            String name,
            boolean required,
            boolean query,
            ValueCheck check,
            String rule,
            @Nullable ObjectList objects) {}

    /** A list of objects. */
    private record ObjectList(int minSize, int maxSize, RequestSchema each) {}

    /** @param schema of one object with all the fields; {@code x-query} lists those that come as text in a query */
    RequestSchema(JsonObject schema) {
        JsonObject properties = schema.getJsonObject("properties");
        JsonArray required = schema.getJsonArray("required", new JsonArray());
        JsonArray query = schema.getJsonArray("x-query", new JsonArray());
        for (String name : properties.fieldNames()) {
            JsonObject property = properties.getJsonObject(name);
            fields.add(new Field(
                    name,
                    required.contains(name),
                    query.contains(name),
                    new ValueCheck(property),
                    SchemaDescription.describe(property),
                    objects(property)));
        }
    }

    private static @Nullable ObjectList objects(JsonObject schema) {
        JsonObject items = schema.getJsonObject("items");
        return items == null || !SchemaDescription.isA(items, "object")
                ? null
                : new ObjectList(
                        schema.getInteger("minItems"), schema.getInteger("maxItems"), new RequestSchema(items));
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
        List<Violation> violations = new ArrayList<>(0);
        check(values, "", violations);
        return violations;
    }

    private void check(JsonObject values, String prefix, List<Violation> violations) {
        for (Field field : fields) {
            Object value = values.getValue(field.name);
            if (value == null) {
                if (field.required) {
                    violations.add(new Violation(prefix + field.name, "is missing: it " + field.rule));
                }
            } else if (!field.check.accepts(value)) {
                addViolations(field, value, prefix + field.name, violations);
            }
        }
    }

    /** Of a list of objects, names the field of the object that is wrong. */
    private static void addViolations(Field field, Object value, String name, List<Violation> violations) {
        ObjectList objects = field.objects;
        if (objects == null
                || !(value instanceof JsonArray list)
                || list.size() < objects.minSize
                || list.size() > objects.maxSize) {
            violations.add(new Violation(name, field.rule));
            return;
        }
        for (int i = 0; i < list.size(); i++) {
            if (list.getValue(i) instanceof JsonObject object) {
                objects.each.check(object, name + "[" + i + "].", violations);
            } else {
                violations.add(new Violation(name + "[" + i + "]", "must be an object"));
            }
        }
    }
}
