package com.cagen.quota.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HexFormat;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SigningKeyTest {
    /** The first one of RFC 8032, section 7.1, as {@code openssl pkcs8} writes it. */
    private static final String PRIVATE = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";

    private static final String PUBLIC = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    @TempDir
    Path folder;

    private Config config(String... settings) {
        Map<String, String> values = new java.util.HashMap<>(Map.of(
                "DATA_DIR",
                folder.resolve("data").toString(),
                "CAGEN_QUOTA_SERVICE_SECRET_KEY",
                java.util.Base64.getEncoder().encodeToString(new byte[32])));
        for (int i = 0; i < settings.length; i += 2) {
            values.put(settings[i], settings[i + 1]);
        }
        return ConfigLoader.load(values, url -> {}, said -> {});
    }

    private static String pem(String base64) {
        return "-----BEGIN PRIVATE KEY-----\n" + base64 + "\n-----END PRIVATE KEY-----\n";
    }

    @Test
    void signsAndDerivesItsPublicKeyAsTheStandardSays() {
        SigningKey key = SigningKey.parse(PRIVATE);
        assertThat(key.verifyingKey().encoded()).isEqualTo(PUBLIC);
        assertThat(HexFormat.of().formatHex(key.sign(new byte[0])))
                .isEqualTo("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                        + "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
        assertThat(SigningKey.parse(pem(PRIVATE)).verifyingKey().id())
                .isEqualTo(key.verifyingKey().id())
                .matches("[0-9a-f]{16}");
    }

    @Test
    void verifiesWithThePublicKeyAlone() {
        byte[] message = "a line".getBytes(StandardCharsets.UTF_8);
        byte[] signature = SigningKey.parse(PRIVATE).sign(message);
        VerifyingKey key = VerifyingKey.parse(PUBLIC);
        assertThat(key.verifies(message, signature)).isTrue();
        assertThat(key.verifies("another".getBytes(StandardCharsets.UTF_8), signature))
                .isFalse();
        assertThat(key.verifies(message, new byte[3])).isFalse();
        signature[0] ^= 1;
        assertThat(key.verifies(message, signature)).isFalse();
    }

    @Test
    void isMadeOnceReadableByItsOwnerAlone() throws IOException {
        assertThat(SigningKey.ifKnown(config())).isNull();
        SigningKey made = SigningKey.of(config());
        assertThat(SigningKey.of(config()).verifyingKey().id())
                .isEqualTo(made.verifyingKey().id());
        Path file = folder.resolve("data").resolve("audit-signing.key");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        try (Stream<Path> files = Files.list(folder.resolve("data"))) {
            assertThat(files).containsExactly(file);
        }
        Files.writeString(file, "no key");
        assertThatThrownBy(() -> SigningKey.of(config()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("put the key back");
    }

    @Test
    void isTheConfiguredOneWhenThereIsOne() throws IOException {
        Path file = folder.resolve("key.pem");
        Files.writeString(file, pem(PRIVATE));
        for (String setting : new String[] {PRIVATE, "file:" + file}) {
            assertThat(SigningKey.of(config("AUDIT_SIGNING_KEY", setting))
                            .verifyingKey()
                            .encoded())
                    .isEqualTo(PUBLIC);
        }
        assertThat(folder.resolve("data")).doesNotExist();
    }

    @Test
    void refusesKeysThatAreNone() {
        for (String wrong : new String[] {"", "AAAA", "not base64!", PUBLIC}) {
            assertThatThrownBy(() -> SigningKey.parse(wrong)).isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> VerifyingKey.parse(PRIVATE)).isInstanceOf(IllegalArgumentException.class);
    }
}
