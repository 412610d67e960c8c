package com.cagen.quota.audit;

import com.cagen.quota.config.Secret;
import com.cagen.quota.config.SigningKey;
import com.cagen.quota.config.VerifyingKey;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * A signed statement, one line of JSON in a file outside the database: at this time this organization's chain had this head.
 * {@code signature} signs the line's text before it, which ends with the signature of the line before: no line can be changed,
 * added, moved or taken out of the middle without the key.
 *
 * <p>Lines of earlier releases have a {@code mac} instead, made with a key that every calling service can derive from its own.
 *
 * @param hash of the entry {@code seq}, hexadecimal
 * @param time RFC 3339
 */
record Checkpoint(String organizationId, long seq, String hash, String time) {
    /** What the first line of a file has as its predecessor's signature. */
    static final String FIRST = "";

    static final int VERSION = 2;

    private static final String SIGNATURE = ",\"signature\":\"";
    private static final int SIGNATURE_CHARS = 88;
    private static final String MAC = ",\"mac\":\"";
    private static final int MAC_CHARS = 64;
    private static final String END = "\"}";

    /** @return the line, without its end */
    String sign(SigningKey key, String previous) {
        String text = new JsonObject()
                .put("version", VERSION)
                .put("key_id", key.verifyingKey().id())
                .put("organization_id", organizationId)
                .put("seq", seq)
                .put("hash", hash)
                .put("time", time)
                .put("previous", previous)
                .encode();
        String signed = text.substring(0, text.length() - 1);
        String signature = Base64.getEncoder().encodeToString(key.sign(signed.getBytes(StandardCharsets.UTF_8)));
        return signed + SIGNATURE + signature + END;
    }

    /** A line as it is in the file. */
    record Line(String text) {
        /** What the next line repeats: the signature, or the mac; null when it is not a whole line, as after a power cut. */
        @Nullable
        String seal() {
            String signature = last(SIGNATURE, SIGNATURE_CHARS);
            return signature != null ? signature : last(MAC, MAC_CHARS);
        }

        /** Whether it is in the format of earlier releases. */
        boolean old() {
            return last(SIGNATURE, SIGNATURE_CHARS) == null && last(MAC, MAC_CHARS) != null;
        }

        private @Nullable String last(String field, int chars) {
            int at = text.lastIndexOf(field);
            int from = at + field.length();
            boolean whole = at > 0 && text.endsWith(END) && text.length() == from + chars + END.length();
            return whole ? text.substring(from, from + chars) : null;
        }

        private @Nullable JsonObject json(String field) {
            try {
                return new JsonObject(text.substring(0, text.lastIndexOf(field)) + "}");
            } catch (DecodeException e) {
                return null;
            }
        }

        /** The key that it says to be signed with; null when it says none. */
        @Nullable
        String keyId() {
            JsonObject json = old() ? null : json(SIGNATURE);
            return json != null && json.getValue("key_id") instanceof String id ? id : null;
        }

        /** @return null when it was not signed with this key, or not after this line */
        @Nullable
        Checkpoint open(VerifyingKey key, String previous) {
            String signature = last(SIGNATURE, SIGNATURE_CHARS);
            if (signature == null) {
                return null;
            }
            byte[] signed = text.substring(0, text.lastIndexOf(SIGNATURE)).getBytes(StandardCharsets.UTF_8);
            try {
                return key.verifies(signed, Base64.getDecoder().decode(signature))
                        ? read(json(SIGNATURE), previous)
                        : null;
            } catch (IllegalArgumentException e) {
                return null; // no base64
            }
        }

        /** As {@link #open(VerifyingKey, String)}, of a line of an earlier release. */
        @Nullable
        Checkpoint open(OldKey key, String previous) {
            String mac = last(MAC, MAC_CHARS);
            if (mac == null) {
                return null;
            }
            boolean genuine = MessageDigest.isEqual(
                    key.mac(text.substring(0, text.lastIndexOf(MAC))).getBytes(StandardCharsets.US_ASCII),
                    mac.getBytes(StandardCharsets.UTF_8));
            return genuine ? read(json(MAC), previous) : null;
        }

        private static @Nullable Checkpoint read(@Nullable JsonObject json, String previous) {
            return json != null && previous.equals(json.getString("previous"))
                    ? new Checkpoint(
                            json.getString("organization_id"),
                            json.getLong("seq"),
                            json.getString("hash"),
                            json.getString("time"))
                    : null;
        }
    }

    /** The key of earlier releases, derived from the service's. */
    static final class OldKey {
        private static final String PURPOSE = "cagen-quota audit checkpoint v1";
        private final SecretKeySpec key;

        /** @param serviceKey 32 bytes in base64 */
        OldKey(Secret serviceKey) {
            SecretKeySpec master = new SecretKeySpec(Base64.getDecoder().decode(serviceKey.reveal()), "HmacSHA256");
            this.key = new SecretKeySpec(hmac(master, PURPOSE), "HmacSHA256");
        }

        String mac(String text) {
            return HexFormat.of().formatHex(hmac(key, text));
        }

        private static byte[] hmac(SecretKeySpec key, String text) {
            try {
                Mac mac = Mac.getInstance("HmacSHA256");
                mac.init(key);
                return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException("every JDK has HMAC-SHA-256", e);
            }
        }
    }
}
