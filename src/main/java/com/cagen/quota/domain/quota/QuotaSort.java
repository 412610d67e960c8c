package com.cagen.quota.domain.quota;

import java.util.Locale;

/** In which order quotas are listed. Quotas that are equal in it are listed by id. */
public enum QuotaSort {
    CREATED_AT,
    CREATED_AT_DESCENDING,
    /** By Unicode code points. */
    NAME,
    NAME_DESCENDING,
    /** By what part of the total is used, allocated or reserved. */
    UTILIZATION,
    UTILIZATION_DESCENDING;

    private static final String DESCENDING = "_DESCENDING";

    /**
     * @param name such as {@code name} or, for descending order, {@code -name}
     * @throws IllegalArgumentException for a name that is no order
     */
    public static QuotaSort ofWireName(String name) {
        boolean descending = name.startsWith("-");
        String attribute = (descending ? name.substring(1) : name).toUpperCase(Locale.ROOT);
        return valueOf(descending ? attribute + DESCENDING : attribute);
    }
}
