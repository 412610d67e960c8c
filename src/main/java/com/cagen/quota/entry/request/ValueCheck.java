package com.cagen.quota.entry.request;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Whether a value, not null, is as a schema of the document asks. Compiled for the few keywords that request fields use: the
 * library's validator interprets schemas, which took 15 times as long for a usage operation as everything else done to it,
 * and it takes {@code 100.0} for an integer. A test holds the two against each other.
 */
final class ValueCheck {
    /** Those that say nothing about a value, and the format, which decoding checks. */
    private static final Set<String> ANNOTATIONS = Set.of("description", "default", "format");

    private static final Set<String> KEYWORDS = Set.of(
            "type",
            "enum",
            "minLength",
            "maxLength",
            "pattern",
            "minimum",
            "maximum",
            "minItems",
            "maxItems",
            "items",
            "properties",
            "required");

    private final boolean text;
    private final boolean integer;
    private final boolean bool;
    private final Set<Object> values;
    private final int minSize;
    private final int maxSize;
    private final long minimum;
    private final long maximum;
    private final @Nullable Pattern pattern;
    private final @Nullable ValueCheck items;
    private final @Nullable Map<String, ValueCheck> properties;
    private final Set<Object> required;

    /** @throws IllegalStateException for a schema that it would not check completely */
    ValueCheck(JsonObject schema) {
        for (String keyword : schema.fieldNames()) {
            if (!KEYWORDS.contains(keyword) && !ANNOTATIONS.contains(keyword)) {
                throw new IllegalStateException("a request field's schema has the unknown keyword " + keyword);
            }
        }
        boolean array = SchemaDescription.isA(schema, "array");
        text = SchemaDescription.isA(schema, "string");
        integer = SchemaDescription.isA(schema, "integer");
        bool = SchemaDescription.isA(schema, "boolean");
        boolean object = SchemaDescription.isA(schema, "object") && schema.containsKey("properties");
        if ((text ? 1 : 0) + (integer ? 1 : 0) + (bool ? 1 : 0) + (array ? 1 : 0) + (object ? 1 : 0) != 1) {
            throw new IllegalStateException(
                    "a request field is none of string, integer, boolean, array and object: " + schema);
        }
        values = schema.getJsonArray("enum", new JsonArray()).stream().collect(Collectors.toUnmodifiableSet());
        minSize = schema.getInteger(array ? "minItems" : "minLength", 0);
        maxSize = schema.getInteger(array ? "maxItems" : "maxLength", Integer.MAX_VALUE);
        minimum = schema.getLong("minimum", Long.MIN_VALUE);
        maximum = schema.getLong("maximum", Long.MAX_VALUE);
        String regex = schema.getString("pattern");
        if (regex != null && !(regex.startsWith("^") && regex.endsWith("$"))) {
            throw new IllegalStateException("a pattern is not anchored: " + regex);
        }
        pattern = regex == null ? null : Pattern.compile(regex);
        items = array ? new ValueCheck(schema.getJsonObject("items")) : null;
        properties = object ? properties(schema.getJsonObject("properties")) : null;
        required = schema.getJsonArray("required", new JsonArray()).stream().collect(Collectors.toUnmodifiableSet());
    }

    private static Map<String, ValueCheck> properties(JsonObject schemas) {
        Map<String, ValueCheck> checks = new HashMap<>();
        schemas.fieldNames().forEach(name -> checks.put(name, new ValueCheck(schemas.getJsonObject(name))));
        return checks;
    }

    /** Whether it asks for an integer. */
    boolean integer() {
        return integer;
    }

    boolean accepts(@Nullable Object value) {
        if (value instanceof String string) {
            return text && acceptsText(string);
        }
        // No other class of number: 100.0 and 1e2 come as Double, what is too large as BigInteger.
        if (value instanceof Integer || value instanceof Long) {
            long number = ((Number) value).longValue();
            return integer && number >= minimum && number <= maximum;
        }
        if (value instanceof Boolean) {
            return bool;
        }
        if (value instanceof JsonObject object) {
            return properties != null && acceptsFields(object, properties);
        }
        return value instanceof JsonArray array && items != null && acceptsEach(array, items);
    }

    private boolean acceptsFields(JsonObject object, Map<String, ValueCheck> checks) {
        for (Map.Entry<String, ValueCheck> check : checks.entrySet()) {
            Object value = object.getValue(check.getKey());
            boolean accepted = value == null
                    ? !required.contains(check.getKey())
                    : check.getValue().accepts(value);
            if (!accepted) {
                return false;
            }
        }
        return true;
    }

    private boolean acceptsText(String string) {
        if (!values.isEmpty()) {
            return values.contains(string);
        }
        int length = string.codePointCount(0, string.length());
        // All of the text must match: Java's $ would overlook a last newline.
        return length >= minSize
                && length <= maxSize
                && (pattern == null || pattern.matcher(string).matches());
    }

    private boolean acceptsEach(JsonArray array, ValueCheck each) {
        if (array.size() < minSize || array.size() > maxSize) {
            return false;
        }
        for (Object element : array) {
            if (!each.accepts(element)) {
                return false;
            }
        }
        return true;
    }
}
