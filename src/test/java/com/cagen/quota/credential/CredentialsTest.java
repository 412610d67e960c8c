package com.cagen.quota.credential;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.Caller;
import java.util.List;
import org.junit.jupiter.api.Test;

class CredentialsTest {
    private static final long NOW = 1_767_225_600_000L;
    private final Credentials credentials = new Credentials("svc", new byte[32]);
    private final Caller caller = new Caller("org_1", "user_1", "svc", List.of("team_dev"));

    @Test
    void opensWhatItSealed() {
        Opened opened = credentials.open("svc", credentials.seal(caller, NOW), NOW);
        assertThat(opened).isInstanceOfSatisfying(Opened.Valid.class, valid -> {
            assertThat(valid.caller()).isEqualTo(caller);
            assertThat(valid.nonce().timestampMillis()).isEqualTo(NOW);
        });
    }

    @Test
    void acceptsExactlyFiveMinutesEitherWay() {
        String sealed = credentials.seal(caller, NOW);
        assertThat(credentials.open("svc", sealed, NOW + 300_000)).isInstanceOf(Opened.Valid.class);
        assertThat(credentials.open("svc", sealed, NOW - 300_000)).isInstanceOf(Opened.Valid.class);
        assertThat(credentials.open("svc", sealed, NOW + 300_001)).isEqualTo(new Opened.Expired(caller));
        assertThat(credentials.open("svc", sealed, NOW - 300_001)).isEqualTo(new Opened.Expired(caller));
    }
}
