package com.cagen.quota.protocol;

/**
 * What makes a credential single-use.
 *
 * @param value 1 to 128 characters, chosen by the caller
 * @param timestampMillis the credential's Unix time in milliseconds
 */
public record Nonce(String value, long timestampMillis) {}
