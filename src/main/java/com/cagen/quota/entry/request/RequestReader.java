package com.cagen.quota.entry.request;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.domain.request.Violation;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.OpenedCredential;
import com.fasterxml.uuid.Generators;
import com.fasterxml.uuid.impl.TimeBasedEpochRandomGenerator;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.json.JsonObject;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Authenticates and decodes requests, whatever way they came in: first the credential, then the fields (contract, section
 * 2). Whether the credential was used before only the database knows. Not thread-safe: one for each event loop.
 */
public final class RequestReader {
    private static final Logger SECURITY = LoggerFactory.getLogger("security");
    private static final String SCHEME = "Cagen ";
    private static final int MAX_ID = 255;
    private static final String EXPECTED_VERSION = "expected_version";
    private static final Pattern ENTITY_TAG = Pattern.compile("\"([1-9][0-9]{0,15})\"");
    private static final int MAX_REQUEST_ID = 128;

    private final CredentialCipher credentials;
    private final RequestDecoder decoder;
    private final Consumer<AuditEntry> expired;
    private final Counter refused;
    private final Clock clock;
    private final TimeBasedEpochRandomGenerator ids = Generators.timeBasedEpochRandomGenerator();

    /** @param expired is told of authentic but expired credentials, for the audit trail */
    public RequestReader(
            CredentialCipher credentials,
            RequestDecoder decoder,
            Consumer<AuditEntry> expired,
            MeterRegistry metrics,
            Clock clock) {
        this.credentials = credentials;
        this.decoder = decoder;
        this.expired = expired;
        this.clock = clock;
        this.refused = Counter.builder("cagen.quota.credentials.refused")
                .description("Requests whose credential was missing or did not open")
                .register(metrics);
    }

    /** What a credential told, and where else one was found. */
    private record Claim(
            @Nullable String serviceId, @Nullable String encryptedData, boolean twice) {}

    /**
     * Takes a request in.
     *
     * @throws RefusalException 401 {@code invalid_credential} or {@code credential_expired}, else 400 {@code
     *     invalid_request}
     */
    public Request take(RawRequest incoming) {
        JsonObject fields = incoming.fields();
        Claim claim = claim(fields, incoming.authorization(), incoming.elsewhere());
        OpenedCredential.Valid opened =
                open(claim, incoming.operation().name().text(), incoming.requestId(), addressed(fields));
        String key = takeIdempotencyKey(incoming);
        takeExpectedVersion(incoming);
        return new Request(
                incoming.requestId(),
                opened.caller(),
                opened.nonce(),
                key,
                incoming.operation().name(),
                decoder.decode(incoming.operation(), fields, opened.caller().organizationId()));
    }

    /**
     * Opens a credential that no operation comes with.
     *
     * @throws RefusalException as {@link #take}
     */
    public Caller authenticate(JsonObject fields, @Nullable String authorization, String requestId) {
        return open(claim(fields, authorization, false), "authenticate", requestId, null)
                .caller();
    }

    private static Claim claim(JsonObject fields, @Nullable String authorization, boolean elsewhere) {
        boolean inFields = fields.getValue("service_id") != null || fields.getValue("encrypted_data") != null;
        if (authorization != null && authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
            // Base64 has no colon, a service id might.
            int colon = authorization.lastIndexOf(':');
            return colon < 0
                    ? new Claim(null, null, false)
                    : new Claim(
                            authorization.substring(SCHEME.length(), colon).strip(),
                            authorization.substring(colon + 1).strip(),
                            inFields || elsewhere);
        }
        return new Claim(text(fields, "service_id"), text(fields, "encrypted_data"), elsewhere);
    }

    private static @Nullable String text(JsonObject fields, String name) {
        return fields.getValue(name) instanceof String text ? text : null;
    }

    private OpenedCredential.Valid open(Claim claim, String action, String requestId, @Nullable String quotaId) {
        Instant now = clock.instant();
        OpenedCredential opened = credentials.open(claim.serviceId, claim.encryptedData, now.toEpochMilli());
        if (opened instanceof OpenedCredential.Expired late) {
            expired.accept(entry(late.caller(), action, requestId, quotaId, now));
            throw refusal(
                    ErrorCode.CREDENTIAL_EXPIRED,
                    "This credential's timestamp is more than five minutes away from now; make a new one.");
        }
        if (!(opened instanceof OpenedCredential.Valid valid) || valid.forAuthService()) {
            refused.increment();
            SECURITY.warn(
                    opened instanceof OpenedCredential.Valid
                            ? "a credential was used that was sent to the auth service: operation={} request_id={}"
                            : "a credential did not open: operation={} request_id={}",
                    action,
                    requestId);
            throw refusal(ErrorCode.INVALID_CREDENTIAL, "This needs a valid credential.");
        }
        if (claim.twice) {
            throw Violation.refuse("encrypted_data", "must be in one place only: header, body or query");
        }
        return valid;
    }

    private static RefusalException refusal(ErrorCode code, String message) {
        return new RefusalException(Refusal.of(code, message));
    }

    private AuditEntry entry(Caller caller, String action, String requestId, @Nullable String quotaId, Instant now) {
        return new AuditEntry(
                ids.generate(),
                caller.organizationId(),
                quotaId,
                null,
                null,
                AuditEntry.CREDENTIAL_USE,
                AuditEntry.REFUSED,
                caller.userId(),
                caller.serviceId(),
                null,
                new JsonObject()
                        .put("code", ErrorCode.CREDENTIAL_EXPIRED.wireName())
                        .put("operation", action)
                        .encode(),
                requestId,
                now.truncatedTo(ChronoUnit.MICROS));
    }

    /** The quota that a request names, when it could be one's id. */
    private static @Nullable String addressed(JsonObject fields) {
        String id = text(fields, "quota_id");
        id = id == null ? text(fields, "parent_quota_id") : id;
        if (id == null || id.isEmpty() || id.length() > MAX_ID || id.indexOf('/') >= 0) {
            return null;
        }
        return id.codePoints().anyMatch(RequestReader::unprintable) ? null : id;
    }

    private static boolean unprintable(int codePoint) {
        return Character.isISOControl(codePoint) || Character.getType(codePoint) == Character.SURROGATE;
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
