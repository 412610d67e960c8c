package com.cagen.quota.entry.request;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.cagen.quota.config.CallingServices;
import com.cagen.quota.config.Secret;
import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.operations.Operations;
import com.cagen.quota.operations.quota.UpdateQuota;
import com.cagen.quota.operations.usage.AllocateUsage;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Contracts;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.auth.User;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class RequestReaderTest {
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00.123456789Z");
    private static final Caller CALLER = new Caller("org_1", "user_1", "svc", List.of());

    private final CredentialCipher credentials = new CredentialCipher("svc", new byte[32]);
    private final List<AuditEntry> expired = new ArrayList<>();
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private final CallingServices services = CallingServices.of(List.of(new CallingServices.Service(
            "svc", List.of(new Secret(Base64.getEncoder().encodeToString(new byte[32]))), List.of("*"), null)));
    private final RequestReader reader = new RequestReader(
            new CredentialAuthentication(() -> services, expired::add, metrics, Clock.fixed(NOW, ZoneOffset.UTC)),
            new RequestDecoder(Contracts.contract()));

    private Request taken(RawRequest raw) {
        Future<Request> request = reader.take(raw);
        assertThat(request.isComplete()).as("at once").isTrue();
        if (request.cause() instanceof RefusalException refused) {
            throw refused;
        }
        return request.result();
    }

    private String seal(long agoMillis) {
        return credentials.seal(CALLER, NOW.toEpochMilli() - agoMillis);
    }

    private static JsonObject usage() {
        return new JsonObject().put("quota_id", "q").put("resource_id", "r").put("usage_mb", 1);
    }

    private Request take(JsonObject fields, @Nullable String authorization, @Nullable String key, boolean elsewhere) {
        return taken(new RawRequest(
                Operations.CATALOG.named("usage.allocate"), fields, authorization, key, null, elsewhere, "request-1"));
    }

    private Refusal refused(
            JsonObject fields, @Nullable String authorization, @Nullable String key, boolean elsewhere) {
        RefusalException refused =
                catchThrowableOfType(RefusalException.class, () -> take(fields, authorization, key, elsewhere));
        assertThat(refused).isNotNull();
        return refused.refusal();
    }

    /** Whoever reads what this service sends to the auth service must not be able to use it here. */
    @Test
    void refusesWhatWasSealedForTheAuthService() {
        String sent = credentials.sealForAuthService(CALLER, NOW.toEpochMilli());
        assertThat(refused(usage(), "Cagen svc:" + sent, null, false).code()).isEqualTo(ErrorCode.INVALID_CREDENTIAL);
        assertThat(metrics.get("cagen.quota.credentials.refused").counter().count())
                .isOne();
        assertThat(expired).isEmpty();
    }

    @Test
    void yieldsAUserInTheTermsOfThePlatform() {
        RawRequest raw = new RawRequest(
                Operations.CATALOG.named("usage.allocate"), usage(), "Cagen svc:" + seal(0), null, null, false, "r");
        User user = reader.authenticate(raw).result();
        assertThat(user.subject()).isEqualTo("user_1");
        assertThat(user.principal().getString("organization_id")).isEqualTo("org_1");
        assertThat(((AuthenticatedUser) user).caller()).isEqualTo(CALLER);
        assertThatThrownBy(() -> reader.read(raw, User.fromName("user_1"))).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void makesARequestOfFieldsAndHeaderCredential() {
        Request request = take(usage(), "Cagen svc:" + seal(0), "key", false);
        assertThat(request.caller()).isEqualTo(CALLER);
        assertThat(Objects.requireNonNull(request.nonce()).timestampMillis()).isEqualTo(NOW.toEpochMilli());
        assertThat(request.idempotencyKey()).isEqualTo("key");
        assertThat(request.command()).isEqualTo(new AllocateUsage.Command("q", "r", 1, null));
        assertThat(request.requestId()).isEqualTo("request-1");
    }

    @Test
    void makesARequestOfFieldCredentials() {
        JsonObject fields = usage().put("service_id", "svc").put("encrypted_data", seal(0));
        assertThat(take(fields, null, null, false).caller()).isEqualTo(CALLER);
        fields = usage().put("service_id", "svc").put("encrypted_data", seal(0));
        assertThat(take(fields, "Bearer something-else", null, false).caller()).isEqualTo(CALLER);
    }

    @Test
    void allBadCredentialsAreAlike() {
        Refusal none = refused(usage(), null, null, false);
        assertThat(none.code()).isEqualTo(ErrorCode.INVALID_CREDENTIAL);
        assertThat(refused(usage(), "Cagen svc:AAAA", null, false)).isEqualTo(none);
        assertThat(refused(usage(), "Cagen ", null, false)).isEqualTo(none);
        assertThat(refused(usage().put("service_id", 1), null, null, false)).isEqualTo(none);
        assertThat(refused(usage(), "Cagen other:" + seal(0), null, false)).isEqualTo(none);
        assertThat(metrics.counter("cagen.quota.credentials.refused").count()).isEqualTo(5);
        assertThat(expired).isEmpty();
    }

    @Test
    void looksAtTheCredentialBeforeTheFields() {
        assertThat(refused(new JsonObject(), null, "x\u0000", false).code()).isEqualTo(ErrorCode.INVALID_CREDENTIAL);
        assertThat(refused(new JsonObject(), "Cagen svc:" + seal(0), null, false)
                        .code())
                .isEqualTo(ErrorCode.INVALID_REQUEST);
    }

    @Test
    void recordsAnExpiredCredentialForTheQuotaItWasUsedOn() {
        assertThat(refused(usage(), "Cagen svc:" + seal(300_001), null, false).code())
                .isEqualTo(ErrorCode.CREDENTIAL_EXPIRED);
        assertThat(refused(usage().put("quota_id", "q\n"), "Cagen svc:" + seal(-300_001), null, false)
                        .code())
                .isEqualTo(ErrorCode.CREDENTIAL_EXPIRED);
        assertThat(expired).hasSize(2);
        AuditEntry entry = expired.get(0);
        assertThat(entry.action()).isEqualTo(AuditEntry.CREDENTIAL_USE);
        assertThat(entry.outcome()).isEqualTo(AuditEntry.REFUSED);
        assertThat(entry.organizationId()).isEqualTo("org_1");
        assertThat(entry.quotaId()).isEqualTo("q");
        assertThat(entry.auditId().version()).isEqualTo(7);
        assertThat(entry.createdAt()).isEqualTo(Instant.parse("2026-01-01T00:00:00.123456Z"));
        assertThat(new JsonObject(entry.details()).getString("code")).isEqualTo("credential_expired");
        assertThat(expired.get(1).quotaId()).as("no quota's id").isNull();
    }

    @Test
    void refusesCredentialsInTwoPlacesOnlyToThoseWhoAreAuthentic() {
        JsonObject both = usage().put("service_id", "svc").put("encrypted_data", seal(0));
        assertThat(refused(both, "Cagen svc:" + seal(0), null, false).code()).isEqualTo(ErrorCode.INVALID_REQUEST);
        assertThat(refused(usage(), "Cagen svc:" + seal(0), null, true).code()).isEqualTo(ErrorCode.INVALID_REQUEST);
        assertThat(refused(both, null, null, true).code()).isEqualTo(ErrorCode.INVALID_REQUEST);
        assertThat(refused(both, "Cagen svc:AAAA", null, false).code()).isEqualTo(ErrorCode.INVALID_CREDENTIAL);
        assertThat(refused(both, "Cagen svc:" + seal(400_000), null, false).code())
                .isEqualTo(ErrorCode.CREDENTIAL_EXPIRED);
    }

    @Test
    void idempotencyKeysMustAgree() {
        String authorization = "Cagen svc:" + seal(0);
        assertThat(take(usage().put("idempotency_key", "k"), authorization, "k", false)
                        .idempotencyKey())
                .isEqualTo("k");
        assertThat(take(usage().put("idempotency_key", "k"), authorization, null, false)
                        .idempotencyKey())
                .isEqualTo("k");
        assertThat(refused(usage().put("idempotency_key", "k"), authorization, "l", false)
                        .code())
                .isEqualTo(ErrorCode.INVALID_REQUEST);
        assertThat(refused(usage().put("idempotency_key", 5), authorization, null, false)
                        .code())
                .isEqualTo(ErrorCode.INVALID_REQUEST);
        assertThat(refused(usage(), authorization, "", false).code()).isEqualTo(ErrorCode.INVALID_REQUEST);
    }

    @Test
    void readsHaveNoIdempotencyKey() {
        Request request = taken(new RawRequest(
                Operations.CATALOG.named("quota.get"),
                new JsonObject().put("quota_id", "q").put("idempotency_key", 5),
                "Cagen svc:" + seal(0),
                "x\u0000",
                null,
                false,
                "request-1"));
        assertThat(request.idempotencyKey()).isNull();
    }

    private @Nullable Long expectedVersion(@Nullable String ifMatch, JsonObject fields) {
        Request request = taken(new RawRequest(
                Operations.CATALOG.named("quota.update"),
                fields.put("quota_id", "q"),
                "Cagen svc:" + seal(0),
                null,
                ifMatch,
                false,
                "request-1"));
        return ((UpdateQuota.Command) request.command()).expectedVersion();
    }

    @Test
    void takesTheExpectedVersionFromTheHeaderOrTheFields() {
        assertThat(expectedVersion(null, new JsonObject())).isNull();
        assertThat(expectedVersion(null, new JsonObject().put("expected_version", 7)))
                .isEqualTo(7);
        assertThat(expectedVersion("\"7\"", new JsonObject())).isEqualTo(7);
        assertThat(expectedVersion("\"7\"", new JsonObject().put("expected_version", 7L)))
                .isEqualTo(7);
        assertThat(expectedVersion("*", new JsonObject())).isNull();
    }

    @Test
    void refusesAnExpectedVersionThatIsNoneOrTwo() {
        for (String header : List.of("7", "\"0\"", "\"a\"", "W/\"7\"", "\"7\", \"8\"", "", "\"12345678901234567\"")) {
            assertThatThrownBy(() -> expectedVersion(header, new JsonObject()))
                    .as(header)
                    .isInstanceOf(RefusalException.class)
                    .hasMessageContaining("If-Match");
        }
        for (Object field : List.of(8, "7", 7.0)) {
            assertThatThrownBy(() -> expectedVersion("\"7\"", new JsonObject().put("expected_version", field)))
                    .as("%s", field)
                    .isInstanceOf(RefusalException.class)
                    .hasMessageContaining("expected_version");
        }
    }

    @Test
    void ignoresAConditionThatAnOperationDoesNotHave() {
        Request request = taken(new RawRequest(
                Operations.CATALOG.named("usage.allocate"),
                usage(),
                "Cagen svc:" + seal(0),
                null,
                "anything",
                false,
                "request-1"));
        assertThat(request.command()).isEqualTo(new AllocateUsage.Command("q", "r", 1, null));
    }

    @Test
    void keepsOnlySaneRequestIds() {
        assertThat(RequestReader.saneRequestId("aZ09._-")).isEqualTo("aZ09._-");
        assertThat(RequestReader.saneRequestId("x".repeat(128))).isNotNull();
        for (String wrong : List.of("", "x".repeat(129), "a b", "a\n", "é", "a/b")) {
            assertThat(RequestReader.saneRequestId(wrong)).as(wrong).isNull();
        }
        assertThat(RequestReader.saneRequestId(null)).isNull();
    }
}
