package com.cagen.quota.api;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.json.schema.Draft;
import io.vertx.json.schema.JsonSchema;
import io.vertx.json.schema.JsonSchemaOptions;
import io.vertx.json.schema.OutputFormat;
import io.vertx.json.schema.OutputUnit;
import io.vertx.json.schema.Validator;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What the OpenAPI document asks of the fields of one operation, compiled. Belongs to one event loop. */
final class RequestSchema {
    private final List<Field> fields = new ArrayList<>();
    private final Validator validator;

    /**
     * @param pattern compiled once: the validator would compile it again for each value
     * @param rule what the field must be, in words
     */
    private record Field(
            String name,
            boolean required,
            boolean integer,
            boolean query,
            @Nullable Pattern pattern,
            String rule) {}

    /** @param schema of one object with all the fields; {@code x-query} lists those that come as text in a query */
    RequestSchema(JsonObject schema) {
        JsonObject properties = schema.getJsonObject("properties");
        JsonArray required = schema.getJsonArray("required");
        JsonArray query = schema.getJsonArray("x-query");
        JsonObject checked = new JsonObject();
        for (String name : properties.fieldNames()) {
            JsonObject property = properties.getJsonObject(name);
            JsonObject items = property.getJsonObject("items");
            fields.add(new Field(
                    name,
                    required.contains(name),
                    Rules.isA(property, "integer"),
                    query.contains(name),
                    pattern(items == null ? property : items),
                    Rules.describe(property)));
            checked.put(name, withoutPattern(property));
        }
        this.validator = Validator.create(
                JsonSchema.of(new JsonObject().put("type", "object").put("properties", checked)),
                new JsonSchemaOptions()
                        .setBaseUri("https://cagen.invalid/")
                        .setDraft(Draft.DRAFT202012)
                        .setOutputFormat(OutputFormat.Basic));
    }

    private static @Nullable Pattern pattern(JsonObject property) {
        String pattern = property.getString("pattern");
        return pattern == null ? null : Pattern.compile(pattern);
    }

    private static JsonObject withoutPattern(JsonObject property) {
        JsonObject copy = property.copy();
        copy.remove("pattern");
        copy.remove("format"); // decoded, and so checked, afterwards
        copy.remove("default");
        JsonObject items = copy.getJsonObject("items");
        if (items != null) {
            items.remove("pattern");
        }
        return copy;
    }

    /** The names of the fields that a query may hold. */
    List<String> queryFields() {
        return fields.stream().filter(Field::query).map(Field::name).toList();
    }

    /** Whether a query's text for this field means an integer. */
    boolean isInteger(String name) {
        return fields.stream().anyMatch(field -> field.integer && field.name.equals(name));
    }

    /** Everything that is wrong with {@code values}, one entry a field; null counts as absent. */
    List<Violation> check(JsonObject values) {
        OutputUnit result = validator.validate(values);
        Set<String> wrong = result.getValid() ? Set.of() : failed(result);
        List<Violation> violations = List.of();
        for (Field field : fields) {
            Object value = values.getValue(field.name);
            String problem = null;
            if (value == null) {
                problem = field.required ? "is missing: it " + field.rule : null;
            } else if (wrong.contains(field.name)
                    || (field.integer && !(value instanceof Long || value instanceof Integer))
                    || !matches(field.pattern, value)) {
                problem = field.rule;
            }
            if (problem != null) {
                violations = violations.isEmpty() ? new ArrayList<>() : violations;
                violations.add(new Violation(field.name, problem));
            }
        }
        return violations;
    }

    private static Set<String> failed(OutputUnit result) {
        Set<String> names = new HashSet<>();
        for (OutputUnit error : result.getErrors()) {
            String[] path = error.getInstanceLocation().split("/", -1); // #/name, #/name/0
            if (path.length > 1) {
                names.add(path[1]);
            }
        }
        return names;
    }

    /** The patterns are anchored; matching all of the text keeps Java's {@code $} from overlooking a last newline. */
    private static boolean matches(@Nullable Pattern pattern, Object value) {
        if (pattern == null) {
            return true;
        }
        if (value instanceof JsonArray array) {
            for (Object element : array) {
                if (element instanceof String text && !pattern.matcher(text).matches()) {
                    return false;
                }
            }
            return true;
        }
        return !(value instanceof String text) || pattern.matcher(text).matches();
    }
}
