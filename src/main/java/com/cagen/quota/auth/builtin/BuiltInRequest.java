package com.cagen.quota.auth.builtin;

import com.cagen.quota.protocol.Identifiers;
import com.cagen.quota.protocol.Permission;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.DateTimeException;
import java.time.OffsetDateTime;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads the fields of a request to the built-in auth service.
 *
 * <p>All methods throw {@link IllegalArgumentException} with a message that names the field and is safe to show.
 */
record BuiltInRequest(JsonObject body) {

    /** A required id: 1 to 255 characters, none of them a control character. */
    String id(String field) {
        String text = text(field, null, Identifiers.MAX_LENGTH);
        if (text.isEmpty() || text.codePoints().anyMatch(Identifiers::unprintable)) {
            throw new IllegalArgumentException(field + " must have 1 to 255 characters and no control character");
        }
        return text;
    }

    /**
     * @param absent what it is when it is not there; null: it must be there
     * @param max in code points
     */
    String text(String field, @Nullable String absent, int max) {
        Object value = body.getValue(field);
        if (value == null && absent != null) {
            return absent;
        }
        if (!(value instanceof String text)
                || text.codePointCount(0, text.length()) > max
                || text.codePoints().anyMatch(BuiltInRequest::unstorable)) {
            throw new IllegalArgumentException(field + " must be a string of at most " + max + " characters");
        }
        return text;
    }

    /** PostgreSQL keeps neither the character 0 nor half a surrogate pair. */
    private static boolean unstorable(int codePoint) {
        return codePoint == 0 || Character.getType(codePoint) == Character.SURROGATE;
    }

    /** A list of at least one permission; each is there once. */
    Set<Permission> permissions(String field) {
        if (!(body.getValue(field) instanceof JsonArray names) || names.isEmpty()) {
            throw new IllegalArgumentException(field + " must be a list of at least one permission");
        }
        Set<Permission> permissions = EnumSet.noneOf(Permission.class);
        for (Object name : names) {
            permissions.add(List.of(Permission.values()).stream()
                    .filter(permission -> permission.wireName().equals(name))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException(field + " may hold read, admin and owner")));
        }
        return permissions;
    }

    /** An optional point in time, RFC 3339 with any offset. */
    @Nullable
    OffsetDateTime time(String field) {
        Object value = body.getValue(field);
        if (value == null) {
            return null;
        }
        try {
            OffsetDateTime time = OffsetDateTime.parse((String) value);
            if (time.getYear() < 1970 || time.getYear() > 9999) {
                throw new IllegalArgumentException(field + " must be between the years 1970 and 9999");
            }
            return time;
        } catch (ClassCastException | DateTimeException e) {
            throw new IllegalArgumentException(field + " must be a time such as 2026-01-01T00:00:00Z", e);
        }
    }
}
