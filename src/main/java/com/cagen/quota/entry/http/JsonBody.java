package com.cagen.quota.entry.http;

import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.domain.request.Violation;
import com.cagen.quota.protocol.ErrorCode;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.Json;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.RoutingContext;
import org.jspecify.annotations.Nullable;

/** JSON bodies: 415 for another media type, then 400 for what is no JSON object. */
final class JsonBody {
    /** Larger ones are 413. */
    static final int MAX_BYTES = 64 * 1024;

    private static final String JSON = "application/json";

    private JsonBody() {}

    /**
     * The body; an empty object when there is none.
     *
     * @throws RefusalException {@code unsupported_media_type} or {@code invalid_request}
     */
    static JsonObject json(RoutingContext context) {
        if (!isJson(context.request().getHeader(HttpHeaders.CONTENT_TYPE))) {
            throw new RefusalException(
                    Refusal.of(ErrorCode.UNSUPPORTED_MEDIA_TYPE, "The body must be application/json."));
        }
        Buffer body = context.body().buffer();
        if (body == null || body.length() == 0) {
            return new JsonObject();
        }
        try {
            if (Json.decodeValue(body) instanceof JsonObject object) {
                return object;
            }
        } catch (DecodeException e) {
            // Its message would repeat parts of the body, which may hold a credential.
        }
        throw unreadable();
    }

    private static RefusalException unreadable() {
        return Violation.refuse("body", "must be one JSON object");
    }

    /** Absent counts as JSON; parameters such as a charset do not matter. */
    private static boolean isJson(@Nullable String contentType) {
        if (contentType == null) {
            return true;
        }
        if (!contentType.regionMatches(true, 0, JSON, 0, JSON.length())) {
            return false;
        }
        String rest = contentType.substring(JSON.length()).stripLeading();
        return rest.isEmpty() || rest.startsWith(";");
    }
}
