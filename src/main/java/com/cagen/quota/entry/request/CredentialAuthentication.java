package com.cagen.quota.entry.request;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.domain.request.Violation;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.OpenedCredential;
import com.fasterxml.uuid.Generators;
import com.fasterxml.uuid.impl.TimeBasedEpochRandomGenerator;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.auth.User;
import io.vertx.ext.auth.authentication.AuthenticationProvider;
import io.vertx.ext.auth.authentication.Credentials;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Authenticates the credentials of calling services (contract, section 1): HTTP, bus and bridges through this one provider. Whether a
 * credential was used before, only the database knows. Not thread-safe: one for each event loop.
 */
public final class CredentialAuthentication implements AuthenticationProvider {
    private static final Logger SECURITY = LoggerFactory.getLogger("security");

    private final CredentialCipher credentials;
    private final Consumer<AuditEntry> expired;
    private final Counter refused;
    private final Clock clock;
    private final TimeBasedEpochRandomGenerator ids = Generators.timeBasedEpochRandomGenerator();

    /** @param expired is told of authentic but expired credentials, for the audit trail */
    public CredentialAuthentication(
            CredentialCipher credentials, Consumer<AuditEntry> expired, MeterRegistry metrics, Clock clock) {
        this.credentials = credentials;
        this.expired = expired;
        this.clock = clock;
        this.refused = Counter.builder("cagen.quota.credentials.refused")
                .description("Requests whose credential was missing or did not open")
                .register(metrics);
    }

    /**
     * @param given {@link ServiceCredentials}
     * @return an {@link AuthenticatedUser}, at once; fails with a {@link RefusalException} {@code invalid_credential}, {@code
     *     credential_expired} or, for one that was sent in two places, {@code invalid_request}
     */
    @Override
    public Future<User> authenticate(Credentials given) {
        try {
            return Future.succeededFuture(open((ServiceCredentials) given));
        } catch (RefusalException e) {
            return Future.failedFuture(e);
        }
    }

    private AuthenticatedUser open(ServiceCredentials given) {
        Instant now = clock.instant();
        OpenedCredential opened = credentials.open(given.serviceId(), given.encryptedData(), now.toEpochMilli());
        if (opened instanceof OpenedCredential.Expired late) {
            expired.accept(entry(late.caller(), given, now));
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
                    given.action(),
                    given.requestId());
            throw refusal(ErrorCode.INVALID_CREDENTIAL, "This needs a valid credential.");
        }
        if (given.sentTwice()) {
            throw Violation.refuse("encrypted_data", "must be in one place only: header, body or query");
        }
        return new AuthenticatedUser(valid.caller(), valid.nonce());
    }

    private static RefusalException refusal(ErrorCode code, String message) {
        return new RefusalException(Refusal.of(code, message));
    }

    private AuditEntry entry(Caller caller, ServiceCredentials given, Instant now) {
        return new AuditEntry(
                ids.generate(),
                caller.organizationId(),
                given.quotaId(),
                null,
                null,
                AuditEntry.CREDENTIAL_USE,
                AuditEntry.REFUSED,
                caller.userId(),
                caller.serviceId(),
                null,
                new JsonObject()
                        .put("code", ErrorCode.CREDENTIAL_EXPIRED.wireName())
                        .put("operation", given.action())
                        .encode(),
                given.requestId(),
                now.truncatedTo(ChronoUnit.MICROS));
    }
}
