package com.cagen.quota.engine.operation;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Writes one JSON object as text, field by field, without a tree in between. */
public final class JsonText {
    /** How many items of a list an audit entry keeps. */
    public static final int MAX_ITEMS = 20;

    /** How many bytes of a list an audit entry keeps, in UTF-8. */
    public static final int MAX_LIST_BYTES = 4 * 1024;

    /** How many characters (code points) of a text an audit entry keeps. */
    public static final int MAX_TEXT = 100;

    private static final JsonFactory FACTORY = new JsonFactory();

    private final JsonGenerator out;

    private JsonText(JsonGenerator out) {
        this.out = out;
    }

    private interface Write {
        void run() throws IOException;
    }

    public static String object(Consumer<JsonText> fields) {
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

    public JsonText put(String name, @Nullable String value) {
        return write(() -> out.writeStringField(name, value));
    }

    public JsonText put(String name, long value) {
        return write(() -> out.writeNumberField(name, value));
    }

    public JsonText put(String name, @Nullable Long value) {
        return value == null ? put(name, (String) null) : put(name, value.longValue());
    }

    public JsonText put(String name, BigInteger value) {
        return write(() -> out.writeNumberField(name, value));
    }

    public JsonText put(String name, boolean value) {
        return write(() -> out.writeBooleanField(name, value));
    }

    /** RFC 3339 in UTC. */
    public JsonText put(String name, @Nullable Instant value) {
        return put(name, value == null ? null : value.toString());
    }

    /** Only when there is something to say. */
    public JsonText putIfPresent(String name, @Nullable String value) {
        return value == null ? this : put(name, value);
    }

    public JsonText strings(String name, Collection<String> values) {
        return write(() -> {
            out.writeArrayFieldStart(name);
            for (String value : values) {
                out.writeString(value);
            }
            out.writeEndArray();
        });
    }

    /**
     * A list of any length, cut to what an audit entry keeps of it: its first {@link #MAX_ITEMS} items, or as many of them as
     * have at most {@link #MAX_LIST_BYTES} in UTF-8. Only of a list that was cut, {@code name_count} says how many items it
     * has, and {@code name_sha256} is the SHA-256, in hexadecimal, of the whole list as a JSON array without spaces.
     */
    public JsonText cutStrings(String name, List<String> values) {
        int kept = 0;
        int bytes = 0;
        for (String value : values) {
            bytes += value.getBytes(StandardCharsets.UTF_8).length;
            if (kept == MAX_ITEMS || bytes > MAX_LIST_BYTES) {
                break;
            }
            kept++;
        }
        strings(name, values.subList(0, kept));
        return kept == values.size()
                ? this
                : put(name + "_count", values.size()).put(name + "_sha256", sha256(values));
    }

    /**
     * A text of any length, cut to what an audit entry keeps of it: its first {@link #MAX_TEXT} characters. Only of a text that was
     * cut, {@code name_sha256} is the SHA-256, in hexadecimal, of the whole text in UTF-8.
     */
    public JsonText cutText(String name, @Nullable String text) {
        if (text == null || text.codePointCount(0, text.length()) <= MAX_TEXT) {
            return put(name, text);
        }
        return put(name, text.substring(0, text.offsetByCodePoints(0, MAX_TEXT)))
                .put(name + "_sha256", sha256(text));
    }

    private static String sha256(List<String> values) {
        StringWriter text = new StringWriter();
        try (JsonGenerator out = FACTORY.createGenerator(text)) {
            out.writeArray(values.toArray(String[]::new), 0, values.size());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return sha256(text.toString());
    }

    private static String sha256(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /** An object within this one. */
    public JsonText object(String name, Consumer<JsonText> fields) {
        return write(() -> {
            out.writeObjectFieldStart(name);
            fields.accept(this);
            out.writeEndObject();
        });
    }

    /** A list of objects, each written by {@code fields}. */
    public <T> JsonText objects(String name, Collection<T> items, BiConsumer<T, JsonText> fields) {
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
    public JsonText raw(String name, String json) {
        return write(() -> {
            out.writeFieldName(name);
            out.writeRawValue(json);
        });
    }

    /** The values of a refusal's details: strings, longs and lists of strings. */
    public JsonText all(Map<String, Object> values) {
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
