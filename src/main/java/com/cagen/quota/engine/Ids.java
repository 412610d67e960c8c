package com.cagen.quota.engine;

import com.fasterxml.uuid.Generators;
import com.fasterxml.uuid.impl.TimeBasedEpochRandomGenerator;
import java.util.UUID;

/** Ids: UUID version 7, so time-ordered and unguessable. */
final class Ids {
    private static final TimeBasedEpochRandomGenerator GENERATOR = Generators.timeBasedEpochRandomGenerator();

    private Ids() {}

    /** Of an operation: its audit entry, its event and, for usage, its place in the ledger. */
    static UUID operation() {
        return GENERATOR.generate();
    }

    /** Of a quota: {@code quota_} and 32 hexadecimal digits. */
    static String quota() {
        return "quota_" + GENERATOR.generate().toString().replace("-", "");
    }
}
