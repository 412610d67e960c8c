package com.cagen.quota.entry.request;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.cagen.quota.testing.Contracts;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.json.schema.Draft;
import io.vertx.json.schema.JsonSchema;
import io.vertx.json.schema.JsonSchemaOptions;
import io.vertx.json.schema.OutputFormat;
import io.vertx.json.schema.Validator;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ValueCheckTest {
    private static final int VALUES_PER_FIELD = 400;
    private static final String[] PIECES = {
        "a",
        "é",
        "😀",
        "\u0000",
        "\t",
        "\n x",
        "\u007f",
        "\u0085 x",
        "\ud800",
        "\udc00",
        "read",
        "team",
        "active",
        "-",
        " "
    };

    @Test
    void agreesWithTheLibraryOnEveryFieldOfTheDocument() {
        long seed = System.nanoTime();
        System.out.println("ValueCheckTest seed " + seed);
        Random random = new Random(seed);
        int accepted = 0;
        int refused = 0;
        for (var operation : Contracts.contract().requestFields().entrySet()) {
            JsonObject properties = operation.getValue().getJsonObject("properties");
            for (String name : properties.fieldNames()) {
                JsonObject schema = properties.getJsonObject(name);
                ValueCheck check = new ValueCheck(schema);
                Validator library = library(schema);
                for (int i = 0; i < VALUES_PER_FIELD; i++) {
                    Object value = value(random, schema, 2);
                    boolean expected = library.validate(value).getValid();
                    assertThat(check.accepts(value))
                            .as("%s %s %s, seed %d", operation.getKey(), name, value, seed)
                            .isEqualTo(expected);
                    accepted += expected ? 1 : 0;
                    refused += expected ? 0 : 1;
                }
            }
        }
        assertThat(accepted).isGreaterThan(1_000);
        assertThat(refused).isGreaterThan(1_000);
    }

    private static Validator library(JsonObject schema) {
        JsonObject plain = schema.copy();
        plain.remove("format"); // decoding checks it
        return Validator.create(
                JsonSchema.of(plain),
                new JsonSchemaOptions()
                        .setBaseUri("https://cagen.invalid/")
                        .setDraft(Draft.DRAFT202012)
                        .setOutputFormat(OutputFormat.Flag));
    }

    /** Mostly of the right kind and near the limits. No text ends with a line break (U+0085 is one), where the library errs. */
    private static Object value(Random random, JsonObject schema, int depth) {
        int kind = random.nextInt(10);
        if (kind == 0) {
            return random.nextBoolean();
        }
        if (kind == 1) {
            return random.nextLong();
        }
        if (SchemaDescription.isA(schema, "integer")) {
            long[] near = {schema.getLong("minimum"), schema.getLong("maximum"), 0, random.nextInt(200)};
            return near[random.nextInt(near.length)] + random.nextInt(3) - 1;
        }
        if (SchemaDescription.isA(schema, "array") && depth > 0) {
            List<Object> elements = new ArrayList<>();
            int size = random.nextInt(4) == 0 ? random.nextInt(120) : random.nextInt(4);
            for (int i = 0; i < size; i++) {
                elements.add(value(random, schema.getJsonObject("items"), depth - 1));
            }
            return new JsonArray(elements);
        }
        if (SchemaDescription.isA(schema, "object")) {
            JsonObject object = new JsonObject();
            JsonObject properties = schema.getJsonObject("properties");
            for (String name : properties.fieldNames()) {
                if (random.nextInt(8) > 0) {
                    object.put(name, value(random, properties.getJsonObject(name), depth - 1));
                }
            }
            return object;
        }
        JsonArray values = schema.getJsonArray("enum");
        if (values != null && random.nextBoolean()) {
            return values.getValue(random.nextInt(values.size()));
        }
        int limit = schema.getInteger("maxLength", 10);
        int size = random.nextInt(3) == 0 ? Math.max(0, limit + random.nextInt(3) - 1) : random.nextInt(4);
        StringBuilder text = new StringBuilder();
        boolean clean = random.nextBoolean();
        for (int i = 0; i < size; i++) {
            text.append(PIECES[clean ? random.nextInt(3) : random.nextInt(PIECES.length)]);
        }
        return text.toString();
    }

    @Test
    void refusesSchemasThatItWouldNotCheckCompletely() {
        assertThatThrownBy(() ->
                        new ValueCheck(new JsonObject().put("type", "string").put("not", new JsonObject())))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("not");
        assertThatThrownBy(() ->
                        new ValueCheck(new JsonObject().put("type", "string").put("pattern", "a")))
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> new ValueCheck(new JsonObject().put("type", "object")))
                .isInstanceOf(IllegalStateException.class);
    }
}
