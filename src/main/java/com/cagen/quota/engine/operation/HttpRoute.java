package com.cagen.quota.engine.operation;

import io.vertx.core.http.HttpMethod;

/**
 * Where an operation is found over HTTP.
 *
 * @param path below {@code /api/v1}; {@code :name} is a field
 * @param successStatus 200 or 201
 */
public record HttpRoute(HttpMethod method, String path, int successStatus) {
    public static HttpRoute get(String path) {
        return new HttpRoute(HttpMethod.GET, path, 200);
    }

    public static HttpRoute post(String path) {
        return new HttpRoute(HttpMethod.POST, path, 200);
    }

    /** Answers 201. */
    public static HttpRoute postCreating(String path) {
        return new HttpRoute(HttpMethod.POST, path, 201);
    }

    public static HttpRoute patch(String path) {
        return new HttpRoute(HttpMethod.PATCH, path, 200);
    }

    public static HttpRoute delete(String path) {
        return new HttpRoute(HttpMethod.DELETE, path, 200);
    }
}
