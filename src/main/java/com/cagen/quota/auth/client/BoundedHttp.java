package com.cagen.quota.auth.client;

import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.protocol.ErrorCode;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.ConnectionPoolTooBusyException;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.PoolOptions;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.net.URI;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** JSON over HTTP to a peer that is not trusted: one deadline for everything, bodies bounded while they are read. */
final class BoundedHttp {
    /** Of an answer, in bytes. */
    static final int MAX_BODY = 64 * 1024;

    private static final int CONNECTIONS = 32;
    /** Exchanges that the caller may have under way: none waits for a connection, and health checks have theirs. */
    static final int CALLS = CONNECTIONS - 2;

    private static final int WAITING = 1_000;
    /** Shorter than common servers', which would otherwise close a connection just as it is used again. */
    private static final int KEEP_ALIVE_SECONDS = 10;

    private final HttpClient client;
    private final String baseUrl;
    private final long timeoutMillis;

    /**
     * @param baseUrl {@code http(s)://host:port[/prefix]}
     * @param timeoutMillis for the whole exchange, from waiting for a connection to the body's last byte
     * @throws IllegalArgumentException when it is no such URL
     */
    BoundedHttp(Vertx vertx, String baseUrl, long timeoutMillis) {
        URI uri = URI.create(baseUrl);
        boolean http = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
        if (!http || uri.getHost() == null || uri.getRawQuery() != null || uri.getRawFragment() != null) {
            throw new IllegalArgumentException("the auth service's URL is not http(s)://host:port[/prefix]");
        }
        this.baseUrl = baseUrl.endsWith("/") ? baseUrl.substring(0, baseUrl.length() - 1) : baseUrl;
        this.timeoutMillis = timeoutMillis;
        this.client = vertx.createHttpClient(
                new HttpClientOptions().setConnectTimeout((int) timeoutMillis).setKeepAliveTimeout(KEEP_ALIVE_SECONDS),
                new PoolOptions().setHttp1MaxSize(CONNECTIONS).setMaxWaitQueueSize(WAITING));
    }

    /** Posts JSON; anything but status 200 and a JSON object in time is an {@link AuthServiceException}. */
    Future<JsonObject> post(String path, JsonObject body) {
        return exchange(HttpMethod.POST, path, body.toBuffer(), response -> {
            if (response.statusCode() != 200) {
                String message = "the auth service answered with status " + response.statusCode();
                // A 4xx is said by something that works; redirects are not followed, a credential is for one place
                // only.
                return Future.failedFuture(
                        response.statusCode() / 100 == 4
                                ? AuthServiceException.unbelievable(message)
                                : AuthServiceException.broken(message));
            }
            return read(response).map(BoundedHttp::parse);
        });
    }

    /** Whether an HTTP answer comes that is no 5xx: not every auth service has something at {@code path}. */
    Future<Void> reach(String path) {
        return exchange(
                HttpMethod.GET,
                path,
                Buffer.buffer(),
                response -> response.statusCode() >= 500
                        ? Future.failedFuture(AuthServiceException.broken(
                                "the auth service answered with status " + response.statusCode()))
                        : read(response).mapEmpty());
    }

    private <T> Future<T> exchange(
            HttpMethod method, String path, Buffer body, Function<HttpClientResponse, Future<T>> reader) {
        long started = System.nanoTime();
        RequestOptions options = new RequestOptions()
                .setMethod(method)
                .setAbsoluteURI(baseUrl + path)
                .setFollowRedirects(false)
                .setTimeout(timeoutMillis)
                .putHeader("Accept", "application/json");
        if (body.length() > 0) {
            options.putHeader("Content-Type", "application/json");
        }
        return client.request(options)
                .recover(failure -> Future.failedFuture(unsent(failure)))
                .compose(request -> {
                    long left = timeoutMillis - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - started);
                    return send(request, body, reader, Math.max(1, left));
                })
                .recover(failure -> Future.failedFuture(
                        failure instanceof AuthServiceException || failure instanceof RefusalException
                                ? failure
                                : AuthServiceException.unanswered(failure)));
    }

    /** Nothing was sent. */
    private static RuntimeException unsent(Throwable failure) {
        return failure instanceof ConnectionPoolTooBusyException
                ? new RefusalException(
                        Refusal.of(ErrorCode.OVERLOADED, "Too many questions to the auth service are waiting."),
                        failure)
                : AuthServiceException.unreachable(failure);
    }

    private static <T> Future<T> send(
            HttpClientRequest request, Buffer body, Function<HttpClientResponse, Future<T>> reader, long leftMillis) {
        return request.send(body)
                .compose(response -> {
                    // A reader may refuse by the status alone; the reset that follows is then no news.
                    response.exceptionHandler(ignored -> {});
                    return reader.apply(response);
                })
                .timeout(leftMillis, TimeUnit.MILLISECONDS)
                // Ends the connection: what an endless answer still sends is not read.
                .onFailure(failure -> request.reset());
    }

    private static Future<Buffer> read(HttpClientResponse response) {
        Promise<Buffer> whole = Promise.promise();
        Buffer body = Buffer.buffer();
        response.exceptionHandler(whole::tryFail);
        response.endHandler(ended -> whole.tryComplete(body));
        response.handler(chunk -> {
            if (body.length() + chunk.length() > MAX_BODY) {
                whole.tryFail(
                        AuthServiceException.broken("the auth service's answer is larger than " + MAX_BODY + " bytes"));
            } else {
                body.appendBuffer(chunk);
            }
        });
        return whole.future();
    }

    private static JsonObject parse(Buffer body) {
        try {
            return new JsonObject(body);
        } catch (DecodeException e) {
            // Without its cause, which quotes the answer.
            throw AuthServiceException.broken("the auth service's answer is no JSON object");
        }
    }

    Future<Void> close() {
        return client.close();
    }
}
