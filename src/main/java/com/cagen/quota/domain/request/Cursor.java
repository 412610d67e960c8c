package com.cagen.quota.domain.request;

import java.nio.ByteBuffer;
import java.util.Base64;
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

    /** Null for a null position, which stands for the end. */
    public static @Nullable String encodeOrNull(@Nullable Long position) {
        return position == null ? null : encode(position);
    }

    /** Empty for a text that {@link #encode} did not make. */
    public static OptionalLong decode(String cursor) {
        try {
            byte[] bytes = Base64.getUrlDecoder().decode(cursor);
            if (bytes.length != Long.BYTES) {
                return OptionalLong.empty();
            }
            long position = ByteBuffer.wrap(bytes).getLong();
            // Encoded again, as more than one text decodes to the same bytes.
            return position >= 0 && encode(position).equals(cursor) ? OptionalLong.of(position) : OptionalLong.empty();
        } catch (IllegalArgumentException e) {
            return OptionalLong.empty();
        }
    }
}
