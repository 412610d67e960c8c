package com.cagen.quota.domain.request;

/** How a request ended. */
public sealed interface Answer permits Answer.Success, Refusal {

    /**
     * It was done, and what it changed is committed.
     *
     * @param message a short sentence for people
     * @param data the JSON text of the answer's {@code data} object, kept as text so that a repeat under the same
     *     idempotency key gets it back byte for byte
     * @param replayed whether this is the recorded answer of an earlier request under the same idempotency key
     */
    record Success(String message, String data, boolean replayed) implements Answer {}
}
