package com.cagen.quota.domain;

/**
 * An audit entry with its place in its organization's chain.
 *
 * @param seq from 1, without gap
 * @param hash SHA-256 over the previous entry's hash and this entry, 64 lower-case hexadecimal digits
 */
public record SealedEntry(long seq, AuditEntry entry, String hash) {}
