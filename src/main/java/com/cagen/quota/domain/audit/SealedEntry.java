package com.cagen.quota.domain.audit;

/**
 * An audit entry in its place.
 *
 * @param seq its number in the organization's chain, from 1, without gap
 * @param format how the hash covers the entry: 1 of earlier releases, else 2
 * @param hash 64 lower-case hexadecimal digits: SHA-256 over the previous entry's hash and this entry
 */
public record SealedEntry(long seq, AuditEntry entry, int format, String hash) {}
