package com.cagen.quota.config;

import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;

/** An Ed25519 public key: verifies what its {@link SigningKey} signed. Immutable. */
public final class VerifyingKey {
    private static final int ID_BYTES = 8;

    private final PublicKey key;
    private final String id;

    VerifyingKey(PublicKey key) {
        this.key = key;
        this.id = id(key.getEncoded());
    }

    /**
     * @param text an X.509 SubjectPublicKeyInfo in base64, with or without the lines of PEM around it
     * @throws IllegalArgumentException when it is none, or of another algorithm
     */
    public static VerifyingKey parse(String text) {
        try {
            byte[] encoded = decode(text);
            return new VerifyingKey(KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(encoded)));
        } catch (GeneralSecurityException e) {
            throw new IllegalArgumentException("is no Ed25519 public key", e);
        }
    }

    /** Base64, spaces and lines that begin with dashes left out. */
    static byte[] decode(String text) {
        StringBuilder base64 = new StringBuilder();
        text.lines().filter(line -> !line.startsWith("-----")).forEach(line -> base64.append(line.strip()));
        try {
            return Base64.getDecoder().decode(base64.toString());
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("is neither base64 nor PEM");
        }
    }

    private static String id(byte[] encoded) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(encoded);
            return HexFormat.of().formatHex(Arrays.copyOf(digest, ID_BYTES));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /** The first 8 bytes of the SHA-256 of the encoded key, in hexadecimal. */
    public String id() {
        return id;
    }

    /** The X.509 SubjectPublicKeyInfo in base64. */
    public String encoded() {
        return Base64.getEncoder().encodeToString(key.getEncoded());
    }

    /** Whether {@code signature} was made of these bytes with this key's private key. */
    public boolean verifies(byte[] signed, byte[] signature) {
        try {
            Signature verification = Signature.getInstance("Ed25519");
            verification.initVerify(key);
            verification.update(signed);
            return verification.verify(signature);
        } catch (GeneralSecurityException e) {
            return false; // no signature at all
        }
    }
}
