package com.cagen.quota.audit;

import com.cagen.quota.config.Secret;
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
 * {@code mac} signs the line's text before it, which ends with the mac of the line before: no line can be changed, added,
 * moved or taken out of the middle without the key.
 *
 * @param hash of the entry {@code seq}, hexadecimal
 * @param time RFC 3339
 */
record Checkpoint(String organizationId, long seq, String hash, String time) {
    /** What the first line of a file has as its predecessor's mac. */
    static final String FIRST = "";

    private static final String MAC = ",\"mac\":\"";
    private static final String END = "\"}";

    /** @return the line, without its end */
    String sign(Key key, String previous) {
        String text = new JsonObject()
                .put("organization_id", organizationId)
                .put("seq", seq)
                .put("hash", hash)
                .put("time", time)
                .put("previous", previous)
                .encode();
        String signed = text.substring(0, text.length() - 1);
        return signed + MAC + key.mac(signed) + END;
    }

    /** A line as it is in the file. */
    record Line(String text) {
        /** @return null when it is not a whole line, as after a power cut */
        @Nullable
        String mac() {
            int at = text.lastIndexOf(MAC);
            int from = at + MAC.length();
            boolean whole = at > 0 && text.endsWith(END) && text.length() == from + 64 + END.length();
            return whole ? text.substring(from, from + 64) : null;
        }

        /** @return null when it was not signed with this key, or not after this line */
        @Nullable
        Checkpoint open(Key key, String previous) {
            String mac = mac();
            if (mac == null) {
                return null;
            }
            String signed = text.substring(0, text.lastIndexOf(MAC));
            boolean genuine = MessageDigest.isEqual(
                    key.mac(signed).getBytes(StandardCharsets.US_ASCII), mac.getBytes(StandardCharsets.UTF_8));
            if (!genuine) {
                return null;
            }
            try {
                JsonObject json = new JsonObject(signed + "}");
                return json.getString("previous").equals(previous)
                        ? new Checkpoint(
                                json.getString("organization_id"),
                                json.getLong("seq"),
                                json.getString("hash"),
                                json.getString("time"))
                        : null;
            } catch (DecodeException e) {
                return null;
            }
        }
    }

    /** The key for checkpoints, derived from the service's, so that neither helps to guess the other's use. */
    static final class Key {
        private static final String PURPOSE = "cagen-quota audit checkpoint v1";
        private final SecretKeySpec key;

        /** @param serviceKey 32 bytes in base64 */
        Key(Secret serviceKey) {
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
