package com.cagen.quota.domain.request;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What two requests must share to be the same request under one idempotency key: operation, target, fields and user.
 * Credential, nonce and request id differ between repeats; organization and service are the key's own scope.
 *
 * <p>Absent fields are left out rather than written as empty, and each field carries its name: a field that a later version
 * adds does not change the fingerprint of requests without it, so keys recorded before an upgrade still match.
 */
public final class Fingerprint {
    private static final ClassValue<Method[]> ACCESSORS = new ClassValue<>() {
        @Override
        protected Method[] computeValue(Class<?> type) {
            return Arrays.stream(type.getRecordComponents())
                    .map(RecordComponent::getAccessor)
                    .toArray(Method[]::new);
        }
    };

    private Fingerprint() {}

    /** The SHA-256 (32 bytes) of what identifies the request. */
    public static byte[] of(Request request) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            Input command = request.command();
            text(out, request.operation().text());
            text(out, request.caller().userId());
            components(out, command);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
        return sha256().digest(bytes.toByteArray());
    }

    private static void components(DataOutputStream out, Object fields)
            throws IOException, ReflectiveOperationException {
        for (Method accessor : ACCESSORS.get(fields.getClass())) {
            Object value = accessor.invoke(fields);
            if (value != null) {
                text(out, accessor.getName());
                value(out, value);
            }
        }
    }

    private static void value(DataOutputStream out, @Nullable Object value)
            throws IOException, ReflectiveOperationException {
        if (value instanceof List<?> list) {
            out.writeInt(list.size());
            for (Object element : list) {
                value(out, element);
            }
        } else if (value instanceof Record fields) {
            components(out, fields);
        } else if (value instanceof Enum<?> constant) {
            text(out, constant.name());
        } else {
            text(out, String.valueOf(value));
        }
    }

    /** Length first, so that no two sequences of texts run together; as chars, which no encoding can make equal. */
    private static void text(DataOutputStream out, String text) throws IOException {
        out.writeInt(text.length());
        out.writeChars(text);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }
}
