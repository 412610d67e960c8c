package com.cagen.quota.config;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.interfaces.EdECPrivateKey;
import java.security.spec.NamedParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/**
 * The Ed25519 key that signs audit checkpoints, and nothing else: configured, or made once under the data folder. Whoever
 * has only its {@link #verifyingKey} can verify, not sign. Immutable.
 */
public final class SigningKey {
    private static final String FILE = "audit-signing.key";
    private static final String PEM_BEGIN = "-----BEGIN PRIVATE KEY-----\n";
    private static final String PEM_END = "\n-----END PRIVATE KEY-----\n";

    private final PrivateKey key;
    private final VerifyingKey verifyingKey;

    private SigningKey(PrivateKey key) throws GeneralSecurityException {
        this.key = key;
        this.verifyingKey = new VerifyingKey(publicKey((EdECPrivateKey) key));
        byte[] message = verifyingKey.id().getBytes(StandardCharsets.US_ASCII);
        if (!verifyingKey.verifies(message, sign(message))) {
            throw new GeneralSecurityException("the public key does not belong to the private one");
        }
    }

    /**
     * @param text a PKCS#8 key in base64, with or without the lines of PEM around it
     * @throws IllegalArgumentException when it is none, or of another algorithm; its message holds nothing of the key
     */
    public static SigningKey parse(String text) {
        try {
            byte[] encoded = VerifyingKey.decode(text);
            return new SigningKey(KeyFactory.getInstance("Ed25519").generatePrivate(new PKCS8EncodedKeySpec(encoded)));
        } catch (GeneralSecurityException e) {
            throw new IllegalArgumentException("is no Ed25519 private key in PKCS#8");
        }
    }

    /**
     * The JDK derives a public key only when it makes a pair: so it is given the private key where it asks for random bytes.
     * The constructor checks that they belong together.
     */
    private static PublicKey publicKey(EdECPrivateKey key) throws GeneralSecurityException {
        byte[] secret = key.getBytes().orElseThrow(() -> new GeneralSecurityException("the key has no bytes"));
        KeyPairGenerator generator = KeyPairGenerator.getInstance("Ed25519");
        generator.initialize(NamedParameterSpec.ED25519, new Replay(secret));
        return generator.generateKeyPair().getPublic();
    }

    private static final class Replay extends SecureRandom {
        private static final long serialVersionUID = 1L;
        private final byte[] bytes;

        Replay(byte[] bytes) {
            this.bytes = bytes.clone();
        }

        @Override
        public void nextBytes(byte[] target) {
            System.arraycopy(bytes, 0, target, 0, target.length);
        }
    }

    /**
     * The node's key: the configured one, else the one in the data folder, which is made when it is not there. Blocks.
     *
     * @throws IOException when it cannot be read or made
     */
    public static SigningKey of(Config config) throws IOException {
        SigningKey known = ifKnown(config);
        if (known == null) {
            make(config.dataDir().resolve(FILE));
            known = ifKnown(config);
        }
        if (known == null) {
            throw new IOException(config.dataDir().resolve(FILE) + " is not there");
        }
        return known;
    }

    /**
     * The node's key, when it is configured or was made before; else null. Blocks.
     *
     * @throws IOException when it is there but cannot be read
     */
    public static @Nullable SigningKey ifKnown(Config config) throws IOException {
        Secret configured = config.audit().signingKey();
        if (configured != null) {
            return parse(configured.reveal());
        }
        Path file = config.dataDir().resolve(FILE);
        if (!Files.exists(file)) {
            return null;
        }
        try {
            return parse(Files.readString(file));
        } catch (IllegalArgumentException e) {
            throw new IOException(file + " " + e.getMessage() + "; put the key back");
        }
    }

    /** Under another name first, which only its owner may read: a file that is there is a whole one. */
    private static void make(Path file) throws IOException {
        Path folder = file.toAbsolutePath().getParent();
        Files.createDirectories(folder);
        Path made = Files.createTempFile(folder, "signing", ".new"); // mode 0600
        try {
            byte[] key = KeyPairGenerator.getInstance("Ed25519")
                    .generateKeyPair()
                    .getPrivate()
                    .getEncoded();
            Files.writeString(made, PEM_BEGIN + Base64.getEncoder().encodeToString(key) + PEM_END);
            link(file, made);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK from 15 on has Ed25519", e);
        } finally {
            Files.deleteIfExists(made);
        }
    }

    /** A link never replaces a file that another process has made meanwhile. */
    private static void link(Path file, Path made) throws IOException {
        try {
            Files.createLink(file, made);
        } catch (FileAlreadyExistsException e) {
            return; // that one is used
        } catch (UnsupportedOperationException | FileSystemException e) {
            Files.move(made, file); // a file system without links
        }
    }

    /** @return 64 bytes */
    public byte[] sign(byte[] message) {
        try {
            Signature signature = Signature.getInstance("Ed25519");
            signature.initSign(key);
            signature.update(message);
            return signature.sign();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK from 15 on has Ed25519", e);
        }
    }

    public VerifyingKey verifyingKey() {
        return verifyingKey;
    }
}
