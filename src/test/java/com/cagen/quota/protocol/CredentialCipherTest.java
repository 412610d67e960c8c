package com.cagen.quota.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CredentialCipherTest {
    private static final long NOW = 1_767_225_600_000L;
    private static final OpenedCredential INVALID = new OpenedCredential.Invalid();

    private final byte[] key = new byte[32];
    private final CredentialCipher credentials = new CredentialCipher("svc", key);
    private final Caller caller = new Caller("org_1", "user_1", "svc", List.of("team_dev"));

    private OpenedCredential open(@Nullable String encrypted) {
        return credentials.open("svc", encrypted, NOW);
    }

    /** Seals any plaintext with the right key, as a careless or hostile service could. */
    private String sealed(byte[] plain) {
        try {
            byte[] iv = new byte[12];
            new Random(plain.length).nextBytes(iv);
            Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
            cipher.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(key, "AES"), new GCMParameterSpec(128, iv));
            byte[] text = cipher.doFinal(plain);
            byte[] all = Arrays.copyOf(iv, 12 + text.length);
            System.arraycopy(text, 0, all, 12, text.length);
            return Base64.getEncoder().encodeToString(all);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private OpenedCredential openJson(String plain) {
        return open(sealed(plain.getBytes(StandardCharsets.UTF_8)));
    }

    private static String json(String user, String organization, String teams, String timestamp, String nonce) {
        return """
                {"user_id":%s,"session_id":"s","organization_id":%s,"team_ids":%s,"timestamp":%s,"nonce":%s}""".formatted(user, organization, teams, timestamp, nonce);
    }

    private static String json(String timestamp) {
        return json("\"user_1\"", "\"org_1\"", "[\"team_dev\"]", timestamp, "\"n\"");
    }

    @Test
    void opensWhatItSealed() {
        OpenedCredential opened = open(credentials.seal(caller, NOW));
        assertThat(opened).isInstanceOfSatisfying(OpenedCredential.Valid.class, valid -> {
            assertThat(valid.caller()).isEqualTo(caller);
            assertThat(valid.nonce().timestampMillis()).isEqualTo(NOW);
        });
    }

    @Test
    void opensWhatAnotherImplementationSealed() {
        assertThat(openJson(json(Long.toString(NOW)))).isInstanceOfSatisfying(OpenedCredential.Valid.class, valid -> {
            assertThat(valid.caller()).isEqualTo(caller);
            assertThat(valid.nonce().value()).isEqualTo("n");
        });
    }

    @Test
    void needsNeitherTeamsNorSession() {
        Caller teamless = new Caller("o", "u", "svc", List.of());
        for (String teams : List.of("", ",\"team_ids\":null", ",\"team_ids\":[]", ",\"unknown\":{\"a\":[1]}")) {
            OpenedCredential opened = openJson("{\"user_id\":\"u\",\"organization_id\":\"o\",\"timestamp\":" + NOW
                    + ",\"nonce\":\"n\"" + teams + "}");
            assertThat(opened).isInstanceOfSatisfying(OpenedCredential.Valid.class, valid -> assertThat(valid.caller())
                    .isEqualTo(teamless));
        }
    }

    @Test
    void acceptsExactlyFiveMinutesEitherWay() {
        String sealed = credentials.seal(caller, NOW);
        assertThat(credentials.open("svc", sealed, NOW + 300_000)).isInstanceOf(OpenedCredential.Valid.class);
        assertThat(credentials.open("svc", sealed, NOW - 300_000)).isInstanceOf(OpenedCredential.Valid.class);
        assertThat(credentials.open("svc", sealed, NOW + 300_001)).isEqualTo(new OpenedCredential.Expired(caller));
        assertThat(credentials.open("svc", sealed, NOW - 300_001)).isEqualTo(new OpenedCredential.Expired(caller));
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, Long.MIN_VALUE + 1, Long.MAX_VALUE, Long.MAX_VALUE - 1, 0, -1, -NOW})
    void findsHostileTimestampsExpiredWhateverTheyOverflow(long timestamp) {
        assertThat(openJson(json(Long.toString(timestamp)))).isEqualTo(new OpenedCredential.Expired(caller));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "9223372036854775808",
                "-9223372036854775809",
                "1e99999",
                "1767225600000.0",
                "1767225600000.5",
                "1.7672256e12",
                "\"1767225600000\"",
                "null",
                "true",
                "[1767225600000]",
                "NaN",
                "01767225600000"
            })
    void refusesTimestampsThatAreNoWholeNumberOfMilliseconds(String timestamp) {
        assertThat(openJson(json(timestamp))).isEqualTo(INVALID);
    }

    @Test
    void refusesItWhenAnyByteWasTamperedWith() {
        byte[] sealed = Base64.getDecoder().decode(credentials.seal(caller, NOW));
        for (int i = 0; i < sealed.length; i++) {
            for (int bit = 0; bit < 8; bit++) {
                byte[] tampered = sealed.clone();
                tampered[i] ^= (byte) (1 << bit);
                assertThat(open(Base64.getEncoder().encodeToString(tampered)))
                        .as("bit %d of byte %d", bit, i)
                        .isEqualTo(INVALID);
            }
        }
    }

    @Test
    void refusesEveryTruncationAndExtension() {
        byte[] sealed = Base64.getDecoder().decode(credentials.seal(caller, NOW));
        for (int length = 0; length < sealed.length; length++) {
            assertThat(open(Base64.getEncoder().encodeToString(Arrays.copyOf(sealed, length))))
                    .isEqualTo(INVALID);
        }
        assertThat(open(Base64.getEncoder().encodeToString(Arrays.copyOf(sealed, sealed.length + 1))))
                .isEqualTo(INVALID);
    }

    @Test
    void refusesBase64ThatIsNotTheStandardPaddedOne() {
        String good = credentials.seal(new Caller("org_1", "user_12", "svc", List.of()), NOW);
        String unpadded = good.replace("=", "");
        for (String bad : List.of(
                "",
                "=",
                "====",
                "%%%%",
                good + "=",
                good + "\n",
                " " + good,
                good + good,
                good.substring(0, 40) + "\n" + good.substring(40),
                "ä" + good.substring(1),
                good.substring(0, good.length() - 1),
                "-_" + good.substring(2))) {
            assertThat(open(bad)).as(bad).isEqualTo(INVALID);
        }
        if (!unpadded.equals(good)) {
            assertThat(open(unpadded)).isEqualTo(INVALID);
        }
        assertThat(open("A".repeat(64 * 1024 + 4))).isEqualTo(INVALID);
    }

    @Test
    void refusesWhoeverIsNotTheOneServiceOrHasNotItsKey() {
        String good = credentials.seal(caller, NOW);
        assertThat(credentials.open(null, good, NOW)).isEqualTo(INVALID);
        assertThat(credentials.open("", good, NOW)).isEqualTo(INVALID);
        assertThat(credentials.open("SVC", good, NOW)).isEqualTo(INVALID);
        assertThat(open(null)).isEqualTo(INVALID);
        byte[] other = key.clone();
        other[31] = 1;
        assertThat(new CredentialCipher("svc", other).open("svc", good, NOW)).isEqualTo(INVALID);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "null",
                "1",
                "[]",
                "\"text\"",
                "{}",
                "{",
                "not json",
                "{\"user_id\":\"u\"}",
                "{'user_id':'u'}"
            })
    void refusesPlaintextThatIsNotTheExpectedObject(String plain) {
        assertThat(openJson(plain)).isEqualTo(INVALID);
    }

    @ParameterizedTest
    @ValueSource(strings = {"null", "\"\"", "1", "true", "[\"a\"]", "{}", "\"a\\u0000\"", "\"a\\n\"", "\"\\ud800\""})
    void refusesIdsAndNoncesThatAreNoPlainText(String value) {
        String now = Long.toString(NOW);
        assertThat(openJson(json(value, "\"o\"", "[]", now, "\"n\""))).isEqualTo(INVALID);
        assertThat(openJson(json("\"u\"", value, "[]", now, "\"n\""))).isEqualTo(INVALID);
        assertThat(openJson(json("\"u\"", "\"o\"", "[]", now, value))).isEqualTo(INVALID);
        assertThat(openJson(json("\"u\"", "\"o\"", "[" + value + "]", now, "\"n\"")))
                .isEqualTo(INVALID);
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"team\"", "{}", "1", "true", "[[\"team\"]]"})
    void refusesTeamsThatAreNoListOfIds(String teams) {
        assertThat(openJson(json("\"u\"", "\"o\"", teams, Long.toString(NOW), "\"n\"")))
                .isEqualTo(INVALID);
    }

    @ParameterizedTest
    @CsvSource({"255,255,128,true", "256,1,1,false", "1,256,1,false", "1,1,129,false", "1,1,1,true"})
    void countsTheLengthOfTextInCodePoints(int user, int organization, int nonce, boolean fits) {
        for (String character : List.of("x", "ä", "😀")) {
            OpenedCredential opened = openJson(json(
                    '"' + character.repeat(user) + '"',
                    '"' + character.repeat(organization) + '"',
                    "[]",
                    Long.toString(NOW),
                    '"' + character.repeat(nonce) + '"'));
            assertThat(opened instanceof OpenedCredential.Valid).as(character).isEqualTo(fits);
        }
    }

    @Test
    void refusesDuplicateKeysSinceTwoReadersMightTakeDifferentOnes() {
        String plain = json(Long.toString(NOW));
        assertThat(openJson(plain.replace("{", "{\"user_id\":\"admin\","))).isEqualTo(INVALID);
        assertThat(openJson(plain.replace("}", ",\"organization_id\":\"org_2\"}")))
                .isEqualTo(INVALID);
    }

    @Test
    void refusesDeepNestingAndWhatIsNoUtf8() {
        String deep = "[".repeat(2_000) + "]".repeat(2_000);
        assertThat(openJson(json(Long.toString(NOW)).replace("}", ",\"x\":" + deep + "}")))
                .isEqualTo(INVALID);
        byte[] plain = json(Long.toString(NOW)).getBytes(StandardCharsets.UTF_8);
        plain[13] = (byte) 0xff;
        assertThat(open(sealed(plain))).isEqualTo(INVALID);
    }

    @Test
    void refusesAnythingAfterTheObject() {
        assertThat(openJson(json(Long.toString(NOW)) + " {}")).isEqualTo(INVALID);
        assertThat(openJson(json(Long.toString(NOW)) + "x")).isEqualTo(INVALID);
    }

    @Test
    void neverThrowsAndNeverOpensRandomBytes() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 5_000; i++) {
            byte[] bytes = new byte[random.nextInt(300)];
            random.nextBytes(bytes);
            String text = random.nextBoolean()
                    ? Base64.getEncoder().encodeToString(bytes)
                    : new String(bytes, StandardCharsets.ISO_8859_1);
            assertThat(open(text)).as("seed %d", seed).isEqualTo(INVALID);
            assertThatCode(() -> open(sealed(bytes))).as("seed %d", seed).doesNotThrowAnyException();
        }
    }

    @Test
    void opensWhateverCallersThereAre() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 2_000; i++) {
            Caller any = new Caller(
                    text(random),
                    text(random),
                    "svc",
                    random.ints(random.nextInt(4), 0, 9)
                            .mapToObj(n -> text(random))
                            .toList());
            assertThat(open(credentials.seal(any, NOW)))
                    .as("seed %d", seed)
                    .isInstanceOfSatisfying(OpenedCredential.Valid.class, valid -> assertThat(valid.caller())
                            .isEqualTo(any));
        }
    }

    private static String text(Random random) {
        StringBuilder text = new StringBuilder();
        int length = 1 + random.nextInt(255);
        while (text.codePointCount(0, text.length()) < length) {
            int codePoint = random.nextBoolean() ? 32 + random.nextInt(95) : random.nextInt(0x110000);
            if (!Character.isISOControl(codePoint) && Character.getType(codePoint) != Character.SURROGATE) {
                text.appendCodePoint(codePoint);
            }
        }
        return text.toString();
    }

    @Test
    void sealsTheSameCallerDifferentlyEachTime() {
        Set<String> ivs = new HashSet<>();
        Set<String> nonces = new HashSet<>();
        for (int i = 0; i < 1_000; i++) {
            String sealed = credentials.seal(caller, NOW);
            ivs.add(sealed.substring(0, 16));
            if (open(sealed) instanceof OpenedCredential.Valid valid) {
                nonces.add(valid.nonce().value());
            }
        }
        assertThat(ivs).hasSize(1_000);
        assertThat(nonces).hasSize(1_000);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 16, 24, 31, 33, 64})
    void wantsAKeyOfThirtyTwoBytes(int length) {
        assertThatThrownBy(() -> new CredentialCipher("svc", new byte[length]))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
