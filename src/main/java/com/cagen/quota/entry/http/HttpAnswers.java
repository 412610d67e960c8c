package com.cagen.quota.entry.http;

import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.protocol.ErrorCode;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.Json;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.MIMEHeader;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.Yaml;

/** Writes answers in the envelope (contract, section 2). An answer that comes after another one is dropped. */
final class HttpAnswers {
    private static final JsonFactory JSON_FACTORY = new JsonFactory();
    private static final CharSequence JSON = HttpHeaders.createOptimized("application/json");
    private static final CharSequence YAML = HttpHeaders.createOptimized("application/yaml");
    private static final CharSequence REPLAYED = HttpHeaders.createOptimized("Idempotent-Replayed");
    private static final String RETRY_AFTER_SECONDS = "1";

    private HttpAnswers() {}

    static void send(RoutingContext context, int successStatus, Operation<?> operation, Answer answer) {
        if (answer instanceof Answer.Success success) {
            String version = operation.answersQuota() ? version(success.data()) : null;
            if (version != null) {
                context.response().putHeader(HttpHeaders.ETAG, '"' + version + '"');
            }
            if (operation.offersYaml() && wantsYaml(context)) {
                succeedWithYaml(context, successStatus, success);
            } else {
                succeed(context, successStatus, success);
            }
        } else {
            refuse(context, (Refusal) answer);
        }
    }

    private static boolean wantsYaml(RoutingContext context) {
        List<MIMEHeader> accepted = context.parsedHeaders().accept();
        return !accepted.isEmpty()
                && accepted.get(0).component().equals("application")
                && accepted.get(0).subComponent().equals("yaml");
    }

    /** The data alone: a file has no use for the envelope. */
    private static void succeedWithYaml(RoutingContext context, int status, Answer.Success success) {
        HttpServerResponse response = context.response();
        if (response.headWritten() || response.closed()) {
            return;
        }
        DumperOptions options = new DumperOptions();
        options.setDefaultFlowStyle(DumperOptions.FlowStyle.BLOCK);
        Map<?, ?> data = Json.decodeValue(success.data(), LinkedHashMap.class);
        response.setStatusCode(status).putHeader(HttpHeaders.CONTENT_TYPE, YAML);
        end(context, Buffer.buffer(new Yaml(options).dump(data)));
    }

    /** The quota's version; null in an answer that an earlier release recorded. */
    private static @Nullable String version(String data) {
        try (JsonParser json = JSON_FACTORY.createParser(data)) {
            json.nextToken();
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                boolean found = json.currentName().equals("version");
                json.nextToken();
                if (found) {
                    return json.getText();
                }
                json.skipChildren();
            }
            return null;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
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
        RequestContext requestContext = RequestContext.of(context);
        requestContext.code = refusal.code().wireName();
        if (refusal.code().retryable()) {
            response.putHeader(HttpHeaders.RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        response.setStatusCode(refusal.code().httpStatus()).putHeader(HttpHeaders.CONTENT_TYPE, JSON);
        end(context, Buffer.buffer(envelope(refusal, requestContext.requestId)));
    }

    /** Ends an answer whose status and headers are set. */
    static void end(RoutingContext context, Buffer body) {
        RequestContext.of(context).connection.end(context.response(), body);
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
