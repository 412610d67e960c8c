package com.cagen.quota.config;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LoopbackTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "localhost",
                "127.0.0.1",
                "127.255.255.254",
                "::1",
                "[::1]",
                "0:0:0:0:0:0:0:1",
                "::ffff:127.0.0.1",
                "[::FFFF:127.0.0.1]"
            })
    void acceptsLiteralLoopbackAddressesAndLocalhost(String host) {
        assertThat(Loopback.is(host)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "0.0.0.0",
                "::",
                "[::]",
                "::ffff:0.0.0.0",
                "::ffff:10.0.0.1",
                "::127.0.0.1",
                "fe80::1",
                "10.0.0.1",
                "126.0.0.1",
                // A name for a resolver, as it is not an address.
                "127.0.0.256",
                "127.0.0",
                "127.0.0.1.",
                "127.0.0.1.evil.example",
                "localhost.",
                "localhost.evil.example",
                "LOCALHOST",
                "::1%eth0",
                "[::1",
                "1::2::3",
                ":::1",
                " 127.0.0.1"
            })
    void takesEverythingElseForReachable(String host) {
        assertThat(Loopback.is(host)).isFalse();
    }
}
