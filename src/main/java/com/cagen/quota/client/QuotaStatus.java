package com.cagen.quota.client;

import java.util.Locale;

public enum QuotaStatus {
    ACTIVE,
    SUSPENDED,
    DELETED;

    String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }

    static QuotaStatus of(String wireName) {
        return valueOf(wireName.toUpperCase(Locale.ROOT));
    }
}
