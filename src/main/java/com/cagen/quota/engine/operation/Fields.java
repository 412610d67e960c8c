package com.cagen.quota.engine.operation;

import com.cagen.quota.domain.request.Cursor;
import com.cagen.quota.domain.request.Violation;
import com.cagen.quota.protocol.Permission;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The fields of a request: of its path, query and body. Unknown ones are ignored. */
public final class Fields {
    /** The page size and limit of a request that names none. */
    private static final int DEFAULT_PAGE_SIZE = 20;

    private static final Pattern TIMESTAMP_START = Pattern.compile("[0-9]{4}-.*", Pattern.DOTALL);

    private final JsonObject values;
    private final List<Violation> violations;
    /** What comes before the names of these fields in violations. */
    private final String prefix;

    /** @param violations found so far; {@link #reject} adds to them */
    public Fields(JsonObject values, List<Violation> violations) {
        this(values, violations, "");
    }

    private Fields(JsonObject values, List<Violation> violations, String prefix) {
        this.values = values;
        this.violations = violations;
        this.prefix = prefix;
    }

    /** The fields of an object; null when absent or no object. */
    public @Nullable Fields object(String name) {
        return values.getValue(name) instanceof JsonObject object
                ? new Fields(object, violations, prefix + name + ".")
                : null;
    }

    /** Whether the field is a list of nothing but objects. */
    public boolean isListOfObjects(String name) {
        return values.getValue(name) instanceof JsonArray array
                && array.stream().allMatch(JsonObject.class::isInstance);
    }

    /** The objects of a list; empty when it is absent or no list of objects. */
    public List<Fields> objects(String name) {
        List<Fields> objects = new ArrayList<>();
        if (values.getValue(name) instanceof JsonArray array) {
            for (int i = 0; i < array.size(); i++) {
                if (array.getValue(i) instanceof JsonObject object) {
                    objects.add(new Fields(object, violations, prefix + name + "[" + i + "]."));
                }
            }
        }
        return objects;
    }

    /** Notes that a field is not acceptable, unless that is noted already. */
    public void reject(String name, String problem) {
        String field = prefix + name;
        if (violations.stream().noneMatch(violation -> violation.field().equals(field))) {
            violations.add(new Violation(field, problem));
        }
    }

    /** The value as it came; null when absent. */
    public @Nullable Object value(String name) {
        return values.getValue(name);
    }

    public String text(String name) {
        return (String) Objects.requireNonNull(values.getValue(name), name);
    }

    public String quotaId() {
        return text("quota_id");
    }

    /** Null when absent or empty. */
    public @Nullable String optional(String name) {
        Object value = values.getValue(name);
        return value == null || "".equals(value) ? null : (String) value;
    }

    /** As it came, also when empty; null when absent. */
    public @Nullable String verbatim(String name) {
        return (String) values.getValue(name);
    }

    /** A value of a closed set, by its wire name; null when absent or empty. */
    public <T> @Nullable T optional(String name, Function<String, T> ofWireName) {
        String text = optional(name);
        return text == null ? null : ofWireName.apply(text);
    }

    /** False when absent. */
    public boolean optionalFlag(String name) {
        return Boolean.TRUE.equals(values.getValue(name));
    }

    /** Of a field that is there. */
    public boolean flag(String name) {
        return (Boolean) Objects.requireNonNull(values.getValue(name), name);
    }

    public long number(String name) {
        return ((Number) Objects.requireNonNull(values.getValue(name), name)).longValue();
    }

    /** Null when absent. */
    public @Nullable Long optionalNumber(String name) {
        return values.getValue(name) == null ? null : Long.valueOf(number(name));
    }

    /** Whether the field is there, and null. */
    public boolean isNull(String name) {
        return values.containsKey(name) && values.getValue(name) == null;
    }

    private int integer(String name, int absent) {
        Object value = values.getValue(name);
        return value == null ? absent : Math.toIntExact(((Number) value).longValue());
    }

    /** The field {@code page}, from 1. */
    public int page() {
        return integer("page", 1);
    }

    public int pageSize() {
        return integer("page_size", DEFAULT_PAGE_SIZE);
    }

    /** The field {@code limit} of what is paged by a cursor. */
    public int limit() {
        return integer("limit", DEFAULT_PAGE_SIZE);
    }

    /** The field {@code buckets}. */
    public int buckets() {
        return integer("buckets", 24);
    }

    /** The field {@code order} of histories. */
    public boolean newestFirst() {
        return "desc".equals(values.getValue("order"));
    }

    /** Empty when absent. */
    public List<String> texts(String name) {
        JsonArray array = (JsonArray) values.getValue(name);
        return array == null
                ? List.of()
                : array.stream().map(String.class::cast).toList();
    }

    /** The field {@code permissions}. */
    public List<Permission> permissions() {
        return texts("permissions").stream().map(Permission::ofWireName).toList();
    }

    /** An RFC 3339 timestamp; null when absent, and also when rejected. */
    public @Nullable Instant timestamp(String name) {
        if (!(values.getValue(name) instanceof String text)) {
            return null;
        }
        try {
            // RFC 3339 has years of four digits; Java would read more, which PostgreSQL cannot keep.
            if (TIMESTAMP_START.matcher(text).matches() && !text.startsWith("0000")) {
                return Instant.parse(text);
            }
        } catch (DateTimeException e) {
            // Rejected below.
        }
        reject(name, "must be an RFC 3339 timestamp such as 2026-01-31T12:00:00Z");
        return null;
    }

    /** The position that {@code cursor} stands for; null when absent, and also when rejected. */
    public @Nullable Long cursor() {
        if (!(values.getValue("cursor") instanceof String text)) {
            return null;
        }
        OptionalLong position = Cursor.decode(text);
        if (position.isPresent()) {
            return position.getAsLong();
        }
        rejectCursor();
        return null;
    }

    /** As {@link #cursor}, of a list whose places take two numbers. */
    public Cursor.@Nullable Place cursorPlace() {
        if (!(values.getValue("cursor") instanceof String text)) {
            return null;
        }
        Optional<Cursor.Place> place = Cursor.decodePlace(text);
        if (place.isEmpty()) {
            rejectCursor();
        }
        return place.orElse(null);
    }

    private void rejectCursor() {
        reject("cursor", "must be the next_cursor of an earlier answer");
    }
}
