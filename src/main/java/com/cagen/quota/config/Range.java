package com.cagen.quota.config;

/** Which whole numbers a setting may have: from {@code min} to {@code max}, both included. {@code name} is the setting's. */
record Range(String name, long min, long max) {
    boolean holds(long value) {
        return value >= min && value <= max;
    }

    /** @throws IllegalArgumentException for any other number */
    void check(long value) {
        if (!holds(value)) {
            throw new IllegalArgumentException(name + "=" + value + " is out of range; " + remedy());
        }
    }

    String remedy() {
        return "give " + min + " to " + max;
    }
}
