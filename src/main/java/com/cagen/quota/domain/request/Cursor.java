package com.cagen.quota.domain.request;

import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** A place in a list that clients hand back unread. */
public final class Cursor {
    private Cursor() {}

    /** @param position of the last entry of a page, for the entries after it; not negative */
    public static String encode(long position) {
        byte[] bytes = ByteBuffer.allocate(Long.BYTES).putLong(position).array();
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    /** A place that takes two numbers, neither of them negative. */
    public record Place(long first, long second) {}

    /** As {@link #encode(long)}. */
    public static String encode(Place place) {
        byte[] bytes = ByteBuffer.allocate(2 * Long.BYTES)
                .putLong(place.first)
                .putLong(place.second)
                .array();
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    /**
     * What {@link #encode(Place)} made; of a text that {@link #encode(long)} made, the position and 0, as releases before gave out
     * such cursors.
     */
    public static Optional<Place> decodePlace(String cursor) {
        OptionalLong position = decode(cursor);
        if (position.isPresent()) {
            return Optional.of(new Place(position.getAsLong(), 0));
        }
        return bytes(cursor, 2 * Long.BYTES)
                .map(bytes -> new Place(bytes.getLong(), bytes.getLong()))
                // Encoded again, as more than one text decodes to the same bytes.
                .filter(place ->
                        place.first >= 0 && place.second >= 0 && encode(place).equals(cursor));
    }

    /** Null for a null position, which stands for the end. */
    public static @Nullable String encodeOrNull(@Nullable Long position) {
        return position == null ? null : encode(position);
    }

    /** Empty for a text that {@link #encode} did not make. */
    public static OptionalLong decode(String cursor) {
        return bytes(cursor, Long.BYTES)
                .map(ByteBuffer::getLong)
                // Encoded again, as more than one text decodes to the same bytes.
                .filter(position -> position >= 0 && encode(position).equals(cursor))
                .map(OptionalLong::of)
                .orElse(OptionalLong.empty());
    }

    private static Optional<ByteBuffer> bytes(String cursor, int length) {
        try {
            byte[] bytes = Base64.getUrlDecoder().decode(cursor);
            return bytes.length == length ? Optional.of(ByteBuffer.wrap(bytes)) : Optional.empty();
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }
}
