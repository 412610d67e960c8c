package com.cagen.quota.domain;

import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.OptionalLong;

/** The opaque {@code cursor} of keyset paging: where the next page begins. */
public final class Cursor {
    private Cursor() {}

    /** URL-safe text for {@code position}. */
    public static String encode(long position) {
        return Base64.getUrlEncoder()
                .withoutPadding()
                .encodeToString(
                        ByteBuffer.allocate(Long.BYTES).putLong(position).array());
    }

    /** The position in {@code cursor}; empty when it is none of ours. */
    public static OptionalLong decode(String cursor) {
        try {
            byte[] bytes = Base64.getUrlDecoder().decode(cursor);
            return bytes.length == Long.BYTES
                    ? OptionalLong.of(ByteBuffer.wrap(bytes).getLong())
                    : OptionalLong.empty();
        } catch (IllegalArgumentException e) {
            return OptionalLong.empty();
        }
    }
}
