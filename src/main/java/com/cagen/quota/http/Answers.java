package com.cagen.quota.http;

import com.cagen.quota.domain.Answer;
import com.cagen.quota.domain.ErrorCode;
import com.cagen.quota.domain.Refusal;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.Json;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.RoutingContext;
import java.util.LinkedHashMap;

/** Writes answers in the envelope (contract, section 2). An answer that comes after another one is dropped. */
final class Answers {
    private static final CharSequence JSON = HttpHeaders.createOptimized("application/json");
    private static final CharSequence REPLAYED = HttpHeaders.createOptimized("Idempotent-Replayed");
    private static final String RETRY_AFTER_SECONDS = "1";

    private Answers() {}

    static void send(RoutingContext context, int successStatus, Answer answer) {
        if (answer instanceof Answer.Success success) {
            succeed(context, successStatus, success);
        } else {
            refuse(context, (Refusal) answer);
        }
    }

    private static void succeed(RoutingContext context, int status, Answer.Success success) {
        HttpServerResponse response = context.response();
        if (response.headWritten() || response.closed()) {
            return;
        }
        if (success.replayed()) {
            response.putHeader(REPLAYED, "true");
        }
        response.setStatusCode(status).putHeader(HttpHeaders.CONTENT_TYPE, JSON);
        String envelope =
                "{\"success\":true,\"message\":" + Json.encode(success.message()) + ",\"data\":" + success.data() + "}";
        end(context, Buffer.buffer(envelope));
    }

    static void succeed(RoutingContext context, String message, JsonObject data) {
        succeed(context, 200, new Answer.Success(message, data.encode(), false));
    }

    static void refuse(RoutingContext context, Refusal refusal) {
        HttpServerResponse response = context.response();
        if (response.headWritten() || response.closed()) {
            return;
        }
        Exchange exchange = Exchange.of(context);
        exchange.code = refusal.code().wireName();
        if (refusal.code().retryable()) {
            response.putHeader(HttpHeaders.RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        response.setStatusCode(refusal.code().httpStatus()).putHeader(HttpHeaders.CONTENT_TYPE, JSON);
        end(context, Buffer.buffer(envelope(refusal, exchange.requestId)));
    }

    /** Ends an answer whose status and headers are set. */
    static void end(RoutingContext context, Buffer body) {
        Exchange.of(context).connection.end(context.response(), body);
    }

    static void refuse(RoutingContext context, ErrorCode code, String message) {
        refuse(context, Refusal.of(code, message));
    }

    static String envelope(Refusal refusal, String requestId) {
        return new JsonObject()
                .put("success", false)
                .put("error", refusal.message())
                .put("code", refusal.code().wireName())
                .put("request_id", requestId)
                .put("details", new JsonObject(new LinkedHashMap<>(refusal.details())))
                .encode();
    }
}
