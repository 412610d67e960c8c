package com.cagen.quota.protocol;

/** Ids of users, organizations, teams, quotas and resources. */
public final class Identifiers {
    /** In code points. */
    public static final int MAX_LENGTH = 255;

    private Identifiers() {}

    /** Whether no id may contain it: a control character, or half of a surrogate pair, which PostgreSQL cannot keep. */
    public static boolean unprintable(int codePoint) {
        return Character.isISOControl(codePoint) || Character.getType(codePoint) == Character.SURROGATE;
    }
}
