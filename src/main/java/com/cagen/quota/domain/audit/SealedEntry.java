package com.cagen.quota.domain.audit;

/**
 * An audit entry in its place.
 *
 * @param seq its number in the organization's chain, from 1, without gap
 * @param hash 64 lower-case hexadecimal digits: SHA-256 over the previous entry's hash and this entry
 */
public record SealedEntry(long seq, AuditEntry entry, String hash) {}
