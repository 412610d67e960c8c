package com.cagen.quota.entry.request;

import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.domain.request.Violation;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.Identifiers;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.auth.User;
import io.vertx.ext.auth.authentication.AuthenticationProvider;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Authenticates and decodes requests, whatever way they came in: first the credential, then the fields (contract, section
 * 2). Whether the credential was used before only the database knows. Not thread-safe: one for each event loop.
 */
public final class RequestReader {
    private static final String SCHEME = "Cagen ";
    private static final String EXPECTED_VERSION = "expected_version";
    private static final Pattern ENTITY_TAG = Pattern.compile("\"([1-9][0-9]{0,15})\"");
    private static final int MAX_REQUEST_ID = 128;

    private final AuthenticationProvider authentication;
    private final RequestDecoder decoder;

    /** @param authentication takes {@link ServiceCredentials} and yields an {@link AuthenticatedUser} */
    public RequestReader(AuthenticationProvider authentication, RequestDecoder decoder) {
        this.authentication = authentication;
        this.decoder = decoder;
    }

    /**
     * Takes a request in.
     *
     * @return fails with a {@link RefusalException}: 401 {@code invalid_credential} or {@code credential_expired}, else 400 {@code
     *     invalid_request}
     */
    public Future<Request> take(RawRequest incoming) {
        return authenticate(incoming).map(user -> read(incoming, user));
    }

    /** The first half of {@link #take}: who asks. */
    public Future<User> authenticate(RawRequest incoming) {
        JsonObject fields = incoming.fields();
        return authentication.authenticate(credentials(
                fields,
                incoming.authorization(),
                incoming.elsewhere(),
                incoming.operation().name().text(),
                incoming.requestId(),
                addressed(fields)));
    }

    /**
     * The second half of {@link #take}: what is asked.
     *
     * @param user from {@link #authenticate(RawRequest)}
     * @throws RefusalException 400 {@code invalid_request}
     */
    public Request read(RawRequest incoming, User user) {
        AuthenticatedUser authenticated = AuthenticatedUser.of(user);
        Caller caller = authenticated.caller();
        String key = takeIdempotencyKey(incoming);
        takeExpectedVersion(incoming);
        return new Request(
                incoming.requestId(),
                caller,
                authenticated.nonce(),
                key,
                incoming.operation().name(),
                decoder.decode(incoming.operation(), incoming.fields(), caller.organizationId()));
    }

    /**
     * Opens a credential that no operation comes with.
     *
     * @return fails as {@link #take} does
     */
    public Future<Caller> authenticate(JsonObject fields, @Nullable String authorization, String requestId) {
        return authentication
                .authenticate(
                        credentials(fields, authorization, false, ServiceCredentials.AUTHENTICATE, requestId, null))
                .map(user -> AuthenticatedUser.of(user).caller());
    }

    private static ServiceCredentials credentials(
            JsonObject fields,
            @Nullable String authorization,
            boolean elsewhere,
            String action,
            String requestId,
            @Nullable String quotaId) {
        if (authorization != null && authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
            boolean inFields = fields.getValue("service_id") != null || fields.getValue("encrypted_data") != null;
            // Base64 has no colon, a service id might.
            int colon = authorization.lastIndexOf(':');
            return colon < 0
                    ? new ServiceCredentials(null, null, false, action, requestId, quotaId)
                    : new ServiceCredentials(
                            authorization.substring(SCHEME.length(), colon).strip(),
                            authorization.substring(colon + 1).strip(),
                            inFields || elsewhere,
                            action,
                            requestId,
                            quotaId);
        }
        return new ServiceCredentials(
                text(fields, "service_id"), text(fields, "encrypted_data"), elsewhere, action, requestId, quotaId);
    }

    private static @Nullable String text(JsonObject fields, String name) {
        return fields.getValue(name) instanceof String text ? text : null;
    }

    /** The quota that a request names, when it could be one's id. */
    private static @Nullable String addressed(JsonObject fields) {
        String id = text(fields, "quota_id");
        id = id == null ? text(fields, "parent_quota_id") : id;
        if (id == null || id.isEmpty() || id.length() > Identifiers.MAX_LENGTH || id.indexOf('/') >= 0) {
            return null;
        }
        return id.codePoints().anyMatch(Identifiers::unprintable) ? null : id;
    }

    /** Puts the header's key among the fields, where its limits are checked; what it returns is good only after that. */
    private static @Nullable String takeIdempotencyKey(RawRequest incoming) {
        JsonObject fields = incoming.fields();
        if (!incoming.operation().name().change()) {
            return null;
        }
        String header = incoming.idempotencyKey();
        Object field = fields.getValue("idempotency_key");
        if (header != null && field != null && !header.equals(field)) {
            throw Violation.refuse("idempotency_key", "must not differ from the header Idempotency-Key");
        }
        if (header != null) {
            fields.put("idempotency_key", header);
        }
        return text(fields, "idempotency_key");
    }

    /** Puts the version that the header If-Match names among the fields of an operation that has one for it. */
    private void takeExpectedVersion(RawRequest incoming) {
        String header = incoming.ifMatch();
        if (header == null || header.equals("*") || !decoder.takes(incoming.operation(), EXPECTED_VERSION)) {
            return;
        }
        Matcher tag = ENTITY_TAG.matcher(header);
        if (!tag.matches()) {
            throw Violation.refuse("If-Match", "must be an ETag of the quota, such as \"7\"");
        }
        Long version = Long.valueOf(tag.group(1));
        Object field = incoming.fields().getValue(EXPECTED_VERSION);
        if (field instanceof Number number && number.longValue() != version) {
            throw Violation.refuse(EXPECTED_VERSION, "must not differ from the header If-Match");
        }
        if (field == null) {
            incoming.fields().put(EXPECTED_VERSION, version);
        }
    }

    /** The client's own request id when it is sane: 1 to 128 of {@code A-Za-z0-9._-}; else null. */
    public static @Nullable String saneRequestId(@Nullable String requestId) {
        if (requestId == null || requestId.isEmpty() || requestId.length() > MAX_REQUEST_ID) {
            return null;
        }
        for (int i = 0; i < requestId.length(); i++) {
            char c = requestId.charAt(i);
            boolean sane = (c >= 'a' && c <= 'z')
                    || (c >= 'A' && c <= 'Z')
                    || (c >= '0' && c <= '9')
                    || c == '.'
                    || c == '_'
                    || c == '-';
            if (!sane) {
                return null;
            }
        }
        return requestId;
    }
}
