package com.cagen.quota.protocol;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Opens and seals credentials: standard base64 of {@code iv || ciphertext || tag}, AES-256-GCM, a 12-byte iv, a 16-byte tag, no
 * associated data (contract, section 1). Not thread-safe, as it keeps its cipher: one for each event loop.
 */
public final class CredentialCipher {
    /** How far a timestamp may be from now, in milliseconds, either way. */
    public static final long WINDOW_MILLIS = 5 * 60 * 1_000;

    private static final int IV_BYTES = 12;
    private static final int TAG_BYTES = 16;
    /** Far above any real credential: 64 KiB of body hold no larger one. */
    private static final int MAX_ENCODED = 64 * 1024;

    private static final int MAX_NONCE = 128;

    private static final ObjectMapper JSON =
            new ObjectMapper(jsonFactory()).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    private final String serviceId;
    private final SecretKeySpec key;
    private final Cipher cipher;
    private final SecureRandom random = new SecureRandom();

    /**
     * @param serviceId the one service id that credentials may come from
     * @param key 32 bytes
     */
    public CredentialCipher(String serviceId, byte[] key) {
        if (key.length != 32) {
            throw new IllegalArgumentException("the key has " + key.length + " bytes, not 32");
        }
        this.serviceId = serviceId;
        this.key = new SecretKeySpec(key, "AES");
        try {
            this.cipher = Cipher.getInstance("AES/GCM/NoPadding");
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this JDK has no AES-GCM", e);
        }
    }

    private static JsonFactory jsonFactory() {
        return new JsonFactoryBuilder()
                .streamReadConstraints(
                        StreamReadConstraints.builder().maxNestingDepth(8).build())
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .build();
    }

    /**
     * Opens a credential.
     *
     * @param claimedServiceId who says to have sent it; null when nobody did
     * @param encryptedData the credential; null when there was none
     * @param nowMillis Unix time in milliseconds
     */
    public OpenedCredential open(@Nullable String claimedServiceId, @Nullable String encryptedData, long nowMillis) {
        if (!serviceId.equals(claimedServiceId) || encryptedData == null || encryptedData.length() > MAX_ENCODED) {
            return new OpenedCredential.Invalid();
        }
        try {
            byte[] sealed = Base64.getDecoder().decode(encryptedData);
            if (sealed.length <= IV_BYTES + TAG_BYTES || encryptedData.length() % 4 != 0) {
                return new OpenedCredential.Invalid();
            }
            cipher.init(Cipher.DECRYPT_MODE, key, new GCMParameterSpec(TAG_BYTES * 8, sealed, 0, IV_BYTES));
            byte[] plain = cipher.doFinal(sealed, IV_BYTES, sealed.length - IV_BYTES);
            return read(JSON.readTree(plain), nowMillis);
        } catch (IllegalArgumentException | GeneralSecurityException | IOException e) {
            return new OpenedCredential.Invalid();
        }
    }

    private OpenedCredential read(@Nullable JsonNode plain, long nowMillis) {
        if (plain == null || !plain.isObject()) {
            return new OpenedCredential.Invalid();
        }
        String user = text(plain.get("user_id"), Identifiers.MAX_LENGTH);
        String organization = text(plain.get("organization_id"), Identifiers.MAX_LENGTH);
        String nonce = text(plain.get("nonce"), MAX_NONCE);
        JsonNode timestamp = plain.get("timestamp");
        List<String> teams = teams(plain.get("team_ids"));
        if (user == null
                || organization == null
                || nonce == null
                || teams == null
                || timestamp == null
                || !timestamp.isIntegralNumber()
                || !timestamp.canConvertToLong()) {
            return new OpenedCredential.Invalid();
        }
        Caller caller = new Caller(organization, user, serviceId, teams);
        long millis = timestamp.longValue();
        // Compared without subtracting, which could overflow for a hostile timestamp.
        if (millis < nowMillis - WINDOW_MILLIS || millis > nowMillis + WINDOW_MILLIS) {
            return new OpenedCredential.Expired(caller);
        }
        return new OpenedCredential.Valid(caller, new Nonce(nonce, millis));
    }

    /** A string of 1 to {@code max} characters that PostgreSQL can keep, else null. */
    private static @Nullable String text(@Nullable JsonNode node, int max) {
        if (node == null || !node.isTextual()) {
            return null;
        }
        String text = node.textValue();
        boolean fits = !text.isEmpty() && text.codePointCount(0, text.length()) <= max;
        return fits && text.codePoints().noneMatch(Identifiers::unprintable) ? text : null;
    }

    /** Null when it is there but no list of ids. */
    private static @Nullable List<String> teams(@Nullable JsonNode node) {
        if (node == null || node.isNull()) {
            return List.of();
        }
        if (!node.isArray()) {
            return null;
        }
        List<String> teams = new ArrayList<>(node.size());
        for (JsonNode element : node) {
            String team = text(element, Identifiers.MAX_LENGTH);
            if (team == null) {
                return null;
            }
            teams.add(team);
        }
        return teams;
    }

    /** A fresh credential for {@code caller}: {@code encrypted_data}, to be sent together with {@link #serviceId}. */
    public String seal(Caller caller, long nowMillis) {
        return seal(caller, nowMillis, UUID.randomUUID().toString());
    }

    /**
     * As {@link #seal(Caller, long)}, for the auth service alone: {@link OpenedCredential.Valid#forAuthService} is true for it, so this
     * service refuses it. The nonce is inside the authenticated text; whoever has no key cannot take the mark away.
     */
    public String sealForAuthService(Caller caller, long nowMillis) {
        return seal(caller, nowMillis, OpenedCredential.Valid.AUTH_SERVICE_NONCES + UUID.randomUUID());
    }

    private String seal(Caller caller, long nowMillis, String nonce) {
        ObjectNode plain = JSON.createObjectNode()
                .put("user_id", caller.userId())
                .put("session_id", UUID.randomUUID().toString())
                .put("organization_id", caller.organizationId());
        caller.teamIds().forEach(plain.putArray("team_ids")::add);
        plain.put("timestamp", nowMillis).put("nonce", nonce);
        try {
            byte[] iv = new byte[IV_BYTES];
            random.nextBytes(iv);
            cipher.init(Cipher.ENCRYPT_MODE, key, new GCMParameterSpec(TAG_BYTES * 8, iv));
            byte[] text = JSON.writeValueAsBytes(plain);
            byte[] sealed = java.util.Arrays.copyOf(iv, IV_BYTES + cipher.getOutputSize(text.length));
            cipher.doFinal(text, 0, text.length, sealed, IV_BYTES);
            return Base64.getEncoder().encodeToString(sealed);
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException("a credential could not be sealed", e);
        }
    }

    public String serviceId() {
        return serviceId;
    }
}
