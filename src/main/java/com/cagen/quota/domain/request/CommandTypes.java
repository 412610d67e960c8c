package com.cagen.quota.domain.request;

import org.jspecify.annotations.Nullable;

/** Which record holds the decoded fields of an operation. */
@FunctionalInterface
public interface CommandTypes {
    /** Null for an operation that this version does not know. */
    @Nullable
    Class<? extends Input> of(String operationName);
}
