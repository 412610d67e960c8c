package com.cagen.quota.quota;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.Collection;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Writes one JSON object as text, field by field, without a tree in between. */
final class JsonText {
    private static final JsonFactory FACTORY = new JsonFactory();

    private final JsonGenerator out;

    private JsonText(JsonGenerator out) {
        this.out = out;
    }

    private interface Write {
        void run() throws IOException;
    }

    static String object(Consumer<JsonText> fields) {
        StringWriter text = new StringWriter(256);
        try (JsonGenerator out = FACTORY.createGenerator(text)) {
            out.writeStartObject();
            fields.accept(new JsonText(out));
            out.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.toString();
    }

    private JsonText write(Write write) {
        try {
            write.run();
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    JsonText put(String name, @Nullable String value) {
        return write(() -> out.writeStringField(name, value));
    }

    JsonText put(String name, long value) {
        return write(() -> out.writeNumberField(name, value));
    }

    JsonText put(String name, boolean value) {
        return write(() -> out.writeBooleanField(name, value));
    }

    /** RFC 3339 in UTC. */
    JsonText put(String name, @Nullable Instant value) {
        return put(name, value == null ? null : value.toString());
    }

    /** Only when there is something to say. */
    JsonText putIfPresent(String name, @Nullable String value) {
        return value == null ? this : put(name, value);
    }

    JsonText strings(String name, Collection<String> values) {
        return write(() -> {
            out.writeArrayFieldStart(name);
            for (String value : values) {
                out.writeString(value);
            }
            out.writeEndArray();
        });
    }

    /** A list of objects, each written by {@code fields}. */
    <T> JsonText objects(String name, Collection<T> items, java.util.function.BiConsumer<T, JsonText> fields) {
        return write(() -> {
            out.writeArrayFieldStart(name);
            for (T item : items) {
                out.writeStartObject();
                fields.accept(item, this);
                out.writeEndObject();
            }
            out.writeEndArray();
        });
    }

    /** Text that is JSON already. */
    JsonText raw(String name, String json) {
        return write(() -> {
            out.writeFieldName(name);
            out.writeRawValue(json);
        });
    }

    /** The values of a refusal's details: strings, longs and lists of strings. */
    JsonText all(Map<String, Object> values) {
        return write(() -> {
            for (Map.Entry<String, Object> entry : values.entrySet()) {
                out.writeFieldName(entry.getKey());
                writeValue(entry.getValue());
            }
        });
    }

    private void writeValue(Object value) throws IOException {
        if (value instanceof Number number) {
            out.writeNumber(number.longValue());
        } else if (value instanceof Collection<?> list) {
            out.writeStartArray();
            for (Object element : list) {
                writeValue(element);
            }
            out.writeEndArray();
        } else {
            out.writeString(value.toString());
        }
    }
}
