package com.cagen.quota.entry.request;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;

/** Schemas in words. */
final class SchemaDescription {
    private SchemaDescription() {}

    static boolean isA(JsonObject schema, String type) {
        Object declared = schema.getValue("type");
        return declared instanceof JsonArray types ? types.contains(type) : type.equals(declared);
    }

    /** What a value must be, as the end of a sentence: {@code "must be …"}. */
    static String describe(JsonObject schema) {
        JsonArray values = schema.getJsonArray("enum");
        if (values != null) {
            return "must be one of " + list(values);
        }
        if (isA(schema, "integer")) {
            return "must be an integer from " + schema.getValue("minimum") + " to " + schema.getValue("maximum");
        }
        if (isA(schema, "boolean")) {
            return "must be true or false";
        }
        if (isA(schema, "object")) {
            return "must be an object";
        }
        if (isA(schema, "array")) {
            return "must be a list of " + schema.getInteger("minItems", 0) + " to " + schema.getInteger("maxItems")
                    + " entries, each of which " + describe(schema.getJsonObject("items"));
        }
        if ("date-time".equals(schema.getString("format"))) {
            return "must be an RFC 3339 timestamp such as 2026-01-31T12:00:00Z";
        }
        String pattern = schema.getString("pattern", "");
        if (pattern.startsWith("^[a-z")) {
            return "must be " + schema.getInteger("minLength", 0) + " to " + schema.getInteger("maxLength") + " of "
                    + pattern.substring("^[".length(), pattern.indexOf(']'));
        }
        String controls = pattern.isEmpty()
                ? ""
                : pattern.contains("\\u000B")
                        ? ", without control characters except newline and tab"
                        : ", without control characters";
        return "must be text of " + schema.getInteger("minLength", 0) + " to " + schema.getInteger("maxLength")
                + " characters" + controls;
    }

    private static String list(JsonArray values) {
        StringBuilder text = new StringBuilder();
        values.forEach(value -> text.append(text.isEmpty() ? "" : ", ").append(value));
        return text.toString();
    }
}
