package com.cagen.quota.entry.bus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.cagen.quota.config.Config;
import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.messaging.Addresses;
import com.cagen.quota.operations.Operations;
import com.cagen.quota.operations.usage.AllocateUsage;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.FrontDoor;
import io.vertx.core.Future;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.eventbus.ReplyFailure;
import io.vertx.core.json.JsonObject;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The public addresses of the event bus, with a lane behind them that does as each test says. */
@Tag("engine-independent")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BusGatewayIT {
    private final FrontDoor door;

    BusGatewayIT() throws Exception {
        door = new FrontDoor(Config.Environment.PRODUCTION, 5_000, 10_000);
    }

    @BeforeEach
    void reset() {
        door.requests.clear();
        door.refusals.clear();
        door.lane = request -> Future.succeededFuture(new Answer.Success("Done.", "{\"a\":1}", false));
    }

    @AfterAll
    void stop() {
        door.close();
    }

    private JsonObject credential() {
        return new JsonObject().put("service_id", FrontDoor.SERVICE).put("encrypted_data", door.seal(0));
    }

    private JsonObject usage() {
        return credential()
                .put("quota_id", "quota_1")
                .put("resource_id", "res_1")
                .put("usage_mb", 5);
    }

    private Object ask(String operation, Object body) {
        return door.vertx
                .eventBus()
                .request(Addresses.of(operation), body)
                .await()
                .body();
    }

    private ReplyException refused(String operation, Object body) {
        ReplyException refused = catchThrowableOfType(ReplyException.class, () -> ask(operation, body));
        assertThat(refused).isNotNull();
        assertThat(refused.failureType()).isEqualTo(ReplyFailure.RECIPIENT_FAILURE);
        return refused;
    }

    @Test
    void repliesWithTheDataObject() throws Exception {
        JsonObject body = usage().put("idempotency_key", "k").put("request_id", "from-the-bus");
        assertThat(ask("usage.allocate", body)).isEqualTo(new JsonObject().put("a", 1));
        Request request = door.requests.poll(5, TimeUnit.SECONDS);
        assertThat(request).isNotNull();
        assertThat(request.command()).isEqualTo(new AllocateUsage.Command("quota_1", "res_1", 5, null));
        assertThat(request.idempotencyKey()).isEqualTo("k");
        assertThat(request.requestId()).isEqualTo("from-the-bus");
    }

    @Test
    void aRefusalIsARecipientFailureWithItsNumber() {
        door.lane = request -> Future.succeededFuture(Refusal.of(ErrorCode.INSUFFICIENT_QUOTA, "Short by 4 MB."));
        ReplyException refused = refused("usage.allocate", usage());
        assertThat(refused.failureCode()).isEqualTo(40_901);
        assertThat(refused.getMessage()).isEqualTo("Short by 4 MB.");
    }

    private static Set<String> operations() {
        return Operations.CATALOG.names();
    }

    @ParameterizedTest
    @MethodSource("operations")
    void everyOperationAsksForACredentialFirst(String operation) {
        assertThat(refused(operation, new JsonObject().put("usage_mb", "x")).failureCode())
                .isEqualTo(40_101);
        assertThat(refused(operation, "no object").failureCode()).isEqualTo(40_101);
    }

    @Test
    void namesWhatIsWrong() {
        ReplyException refused = refused("usage.allocate", usage().put("usage_mb", 1.0));
        assertThat(refused.failureCode()).isEqualTo(40_001);
        assertThat(refused.getMessage()).contains("usage_mb must be an integer from 1 to 9007199254740991");
    }

    @Test
    void allocateNamesItsParent() throws Exception {
        JsonObject body = credential()
                .put("parent_quota_id", "quota_1")
                .put("name", "n")
                .put("type", "organization")
                .put("allocate_mb", 1);
        ask("quota.allocate", body);
        Request request = door.requests.poll(5, TimeUnit.SECONDS);
        assertThat(request).isNotNull();
        assertThat(request.command().quotaId()).isEqualTo("quota_1");
    }

    @Test
    void recordsAnExpiredCredential() throws Exception {
        ReplyException refused =
                refused("quota.get", credential().put("quota_id", "q").put("encrypted_data", door.seal(301_000)));
        assertThat(refused.failureCode()).isEqualTo(40_102);
        AuditEntry entry = door.refusals.poll(5, TimeUnit.SECONDS);
        assertThat(entry).isNotNull();
        assertThat(entry.quotaId()).isEqualTo("q");
    }

    @Test
    void alwaysReplies() {
        door.lane = request -> {
            throw new IllegalStateException("secret");
        };
        ReplyException refused = refused("usage.allocate", usage());
        assertThat(refused.failureCode()).isEqualTo(50_001);
        assertThat(refused.getMessage()).doesNotContain("secret");
    }
}
