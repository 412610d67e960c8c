package com.cagen.quota.audit;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;

/**
 * A digest of rows of {@code seal_quotas} that does not depend on their order: the sum of the rows' SHA-256. The chain has the rows
 * in the order of seals, the table in the order of quotas, and there may be too many to hold.
 */
final class QuotaIndexDigest {
    private final MessageDigest sha256;
    private final long[] sums = new long[4];

    QuotaIndexDigest() {
        try {
            sha256 = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    void add(String quotaId, long lastSeq, String rows) {
        String text = quotaId + '\n' + lastSeq + '\n' + rows;
        ByteBuffer hash = ByteBuffer.wrap(sha256.digest(text.getBytes(StandardCharsets.UTF_8)));
        for (int i = 0; i < sums.length; i++) {
            sums[i] += hash.getLong();
        }
    }

    boolean sameAs(QuotaIndexDigest other) {
        return Arrays.equals(sums, other.sums);
    }
}
