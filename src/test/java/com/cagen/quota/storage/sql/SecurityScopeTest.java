package com.cagen.quota.storage.sql;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.quota.QuotaKey;
import io.vertx.core.json.JsonObject;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SecurityScopeTest {
    private static final String ALPHABET = "aZ09_-/ \"\\\u0000\n\u007f\u00e4\u20ac\ud83d\ude00{}:,";

    @Test
    void claimsAreAJsonObjectWhateverTheNames() {
        long seed = Long.getLong("seed", System.nanoTime());
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < 20_000; i++) {
            Set<String> keys = new LinkedHashSet<>();
            for (int n = random.nextInt(4); n > 0; n--) {
                keys.add(SecurityScope.quotaKey(name(random), name(random)));
            }
            assertThat(new JsonObject(SecurityScope.claims(keys).value()).fieldNames())
                    .as("seed %d", seed)
                    .isEqualTo(keys);
        }
    }

    @Test
    void claimsNoRowForAnIdThatNoQuotaCanHave() {
        // Its claim would be that of quota_b of the organization "a/org_1".
        List<QuotaKey> keys = List.of(new QuotaKey("org_1", "quota_b/a"), new QuotaKey("org_2", "quota_c"));
        assertThat(new JsonObject(SecurityScope.batch(keys, Set.of("org_1", "org_2"))
                                .value())
                        .fieldNames())
                .containsExactlyInAnyOrder("/org_1", "/org_2", "quota_c/org_2");
        assertThat(SecurityScope.batch(keys.subList(0, 1), Set.of("org_1")))
                .isEqualTo(SecurityScope.organization("org_1"));
    }

    private static String name(SplittableRandom random) {
        StringBuilder name = new StringBuilder();
        for (int n = random.nextInt(6); n > 0; n--) {
            int at = random.nextInt(ALPHABET.length());
            // Not half a surrogate pair: the contract lets none in.
            if (Character.isLowSurrogate(ALPHABET.charAt(at))) {
                at--;
            }
            name.appendCodePoint(ALPHABET.codePointAt(at));
        }
        return name.toString();
    }
}
