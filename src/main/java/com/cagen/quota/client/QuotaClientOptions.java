package com.cagen.quota.client;

import java.util.Base64;

/**
 * How a {@link QuotaClient} asks. Immutable; does not print its key.
 *
 * @param serviceId the calling service
 * @param key base64 of the 32 bytes that this service shares with the quota service
 * @param timeoutMillis how long each attempt waits for its answer; above the service's own BUS_TIMEOUT_MS (8000)
 * @param attempts how often a request is sent at most, 1 to 20
 * @param backoffMillis the pause before the second attempt; each further one is twice as long, up to 5 seconds, less up to
 *     half of it by chance
 */
public record QuotaClientOptions(String serviceId, String key, long timeoutMillis, int attempts, long backoffMillis) {
    private static final int KEY_BYTES = 32;
    private static final int MAX_ATTEMPTS = 20;

    public QuotaClientOptions {
        if (Base64.getDecoder().decode(key).length != KEY_BYTES) {
            throw new IllegalArgumentException("the key is not base64 of 32 bytes");
        }
        if (serviceId.isEmpty()) {
            throw new IllegalArgumentException("the service id is empty");
        }
        if (timeoutMillis < 1 || attempts < 1 || attempts > MAX_ATTEMPTS || backoffMillis < 1) {
            throw new IllegalArgumentException("a timeout, a number of attempts or a backoff is out of range");
        }
    }

    /** The service id {@code svc_cagen_quota}; 4 attempts of 10 seconds, 100 ms after one another at first. */
    public QuotaClientOptions(String key) {
        this("svc_cagen_quota", key, 10_000, 4, 100);
    }

    public QuotaClientOptions withServiceId(String id) {
        return new QuotaClientOptions(id, key, timeoutMillis, attempts, backoffMillis);
    }

    public QuotaClientOptions withTimeoutMillis(long millis) {
        return new QuotaClientOptions(serviceId, key, millis, attempts, backoffMillis);
    }

    public QuotaClientOptions withAttempts(int number) {
        return new QuotaClientOptions(serviceId, key, timeoutMillis, number, backoffMillis);
    }

    public QuotaClientOptions withBackoffMillis(long millis) {
        return new QuotaClientOptions(serviceId, key, timeoutMillis, attempts, millis);
    }

    @Override
    public String toString() {
        return "QuotaClientOptions[serviceId=" + serviceId + ", timeoutMillis=" + timeoutMillis + ", attempts="
                + attempts + "]";
    }
}
