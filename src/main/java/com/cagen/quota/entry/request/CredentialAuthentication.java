package com.cagen.quota.entry.request;

import com.cagen.quota.config.CallingServices;
import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.domain.request.Violation;
import com.cagen.quota.protocol.Caller;
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
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Authenticates the credentials of calling services (contract, section 1): HTTP, bus and bridges through this one provider. Whether a
 * credential was used before, only the database knows. Not thread-safe: one for each event loop.
 */
public final class CredentialAuthentication implements AuthenticationProvider {
    private static final Logger SECURITY = LoggerFactory.getLogger("security");

    private final ServiceCiphers services;
    private final Consumer<AuditEntry> refusals;
    private final Counter refused;
    private final Clock clock;
    private final TimeBasedEpochRandomGenerator ids = Generators.timeBasedEpochRandomGenerator();

    /**
     * @param services gives the services that may call at the moment
     * @param refusals is told of authentic credentials that are refused, for the audit trail
     */
    public CredentialAuthentication(
            Supplier<CallingServices> services, Consumer<AuditEntry> refusals, MeterRegistry metrics, Clock clock) {
        this.services = new ServiceCiphers(services);
        this.refusals = refusals;
        this.clock = clock;
        this.refused = Counter.builder("cagen.quota.credentials.refused")
                .description("Requests whose credential was missing or did not open")
                .register(metrics);
    }

    /**
     * @param given {@link ServiceCredentials}
     * @return an {@link AuthenticatedUser}, at once; fails with a {@link RefusalException} {@code invalid_credential}, {@code
     *     credential_expired}, {@code permission_denied} for what the service may not do, or, for one that was sent in two places,
     *     {@code invalid_request}
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
        ServiceCiphers.Opened result = services.open(given.serviceId(), given.encryptedData(), now.toEpochMilli());
        OpenedCredential opened = result.credential();
        if (opened instanceof OpenedCredential.Expired late) {
            checkOrganization(result.service(), late.caller(), given);
            refusals.accept(entry(late.caller(), given, ErrorCode.CREDENTIAL_EXPIRED, now));
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
        checkOrganization(result.service(), valid.caller(), given);
        checkOperation(result.service(), valid.caller(), given, now);
        return new AuthenticatedUser(valid.caller(), valid.nonce());
    }

    /** Not audited: the trail of an organization is not written to by a service that has no part in it. */
    private static void checkOrganization(
            CallingServices.@Nullable Service service, Caller caller, ServiceCredentials given) {
        if (service == null || !service.mayActFor(caller.organizationId())) {
            throw mayNot("service:organization", given);
        }
    }

    /** Whether the service may do this at all, whoever its user is. */
    private void checkOperation(
            CallingServices.@Nullable Service service, Caller caller, ServiceCredentials given, Instant now) {
        if (service == null || (given.isOperation() && !service.mayDo(given.action()))) {
            refusals.accept(entry(caller, given, ErrorCode.PERMISSION_DENIED, now));
            throw mayNot("service:" + given.action(), given);
        }
    }

    private static RefusalException mayNot(String required, ServiceCredentials given) {
        SECURITY.warn(
                "a service may not do what it asked for: service={} operation={} request_id={}",
                given.serviceId(),
                given.action(),
                given.requestId());
        return new RefusalException(Refusal.permissionDenied(List.of(required)));
    }

    private static RefusalException refusal(ErrorCode code, String message) {
        return new RefusalException(Refusal.of(code, message));
    }

    private AuditEntry entry(Caller caller, ServiceCredentials given, ErrorCode code, Instant now) {
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
                        .put("code", code.wireName())
                        .put("operation", given.action())
                        .encode(),
                given.requestId(),
                now.truncatedTo(ChronoUnit.MICROS));
    }
}
