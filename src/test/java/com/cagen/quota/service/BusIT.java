package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.testing.Invariants;
import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.User;
import io.vertx.core.Future;
import io.vertx.core.eventbus.EventBus;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.eventbus.ReplyFailure;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** The operations and events on the event bus, as any JSON sender sees them. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BusIT {
    private final RunningService service = new RunningService();
    private final EventBus bus = service.service().vertx().eventBus();
    private final User alice = service.user("acme", "alice", "team_dev");
    private final User nobody = service.user("acme", "nobody");
    private final Queue<JsonObject> events = new ConcurrentLinkedQueue<>();

    @BeforeAll
    void listen() {
        RunningService.await(bus.<JsonObject>consumer("cagen.quota.v1.events", event -> events.add(event.body()))
                .completion());
    }

    @AfterAll
    void stop() {
        service.close();
    }

    private Future<JsonObject> send(User user, String operation, JsonObject fields) {
        return bus.<JsonObject>request(
                        "cagen.quota.v1." + operation, user.credential().mergeIn(fields))
                .map(Message::body);
    }

    private JsonObject ask(String operation, JsonObject fields) {
        return RunningService.await(send(alice, operation, fields));
    }

    private void refused(ErrorCode code, User user, String operation, JsonObject fields, String... inMessage) {
        ReplyException refused = catchThrowableOfType(
                ReplyException.class, () -> send(user, operation, fields).await());
        assertThat(refused).as(operation).isNotNull();
        assertThat(refused.failureType()).isEqualTo(ReplyFailure.RECIPIENT_FAILURE);
        assertThat(refused.failureCode()).as(refused.getMessage()).isEqualTo(code.busFailureCode());
        assertThat(List.of(inMessage))
                .allSatisfy(text -> assertThat(refused.getMessage()).contains(text));
    }

    private static JsonObject on(String quota) {
        return new JsonObject().put("quota_id", quota);
    }

    private static JsonObject creation(long totalMb) {
        return new JsonObject().put("name", "root").put("type", "organization").put("total_mb", totalMb);
    }

    private static JsonObject usage(String quota, long mb) {
        return on(quota).mergeIn(User.usage("res", mb));
    }

    private static JsonObject child(String parent, long mb) {
        return User.childBody(mb).put("parent_quota_id", parent);
    }

    @Test
    void hasEveryOperationOfTheContract() {
        String root = ask("quota.create", creation(1_000)).getString("id");
        JsonObject child =
                ask("quota.allocate", child(root, 100).put("type", "team").put("target_id", "team_dev"));
        String id = child.getString("id");
        assertThat(child.getString("parent_quota_id")).isEqualTo(root);
        assertThat(ask("quota.get", on(id)))
                .isEqualTo(alice.quota(id))
                .isEqualTo(child.put("my_permissions", new JsonArray(List.of("read", "admin", "owner"))));
        assertThat(ask("quota.update", on(id).put("name", "renamed")).getString("name"))
                .isEqualTo("renamed");
        assertThat(ask("usage.allocate", usage(id, 5)).getLong("held_mb")).isEqualTo(5);
        assertThat(ask("usage.deallocate", usage(id, 2)).getLong("held_mb")).isEqualTo(3);
        JsonObject history = ask("usage.history", on(id).put("limit", 1).put("order", "desc"));
        assertThat(history.getJsonArray("entries").getJsonObject(0).getString("operation"))
                .isEqualTo("deallocate");
        assertThat(history.getString("next_cursor")).isNotNull();
        JsonObject runtimes = ask("usage.runtimes", new JsonObject().put("page_size", 1));
        assertThat(runtimes).isEqualTo(alice.get("/runtime-usage?page_size=1").data());
        JsonObject list = ask("quota.list", new JsonObject().put("parent_quota_id", root));
        assertThat(list.getJsonArray("quotas"))
                .extracting(each -> ((JsonObject) each).getString("id"))
                .containsExactly(id);
        assertThat(ask("permission.grant", on(id).mergeIn(User.permissions("bob", "read")))
                        .getJsonArray("permissions"))
                .containsExactly("read");
        assertThat(ask("permission.revoke", on(id).mergeIn(User.permissions("bob", "read")))
                        .getJsonArray("permissions"))
                .isEmpty();
        assertThat(ask("quota.suspend", on(id).put("reason", "x")).getString("status"))
                .isEqualTo("suspended");
        assertThat(ask("quota.resume", on(id)).getString("status")).isEqualTo("active");
        ask("usage.deallocate", usage(id, 3));
        assertThat(ask("quota.release", on(id)).getString("status")).isEqualTo("deleted");
        Invariants.awaitSealed(service.databaseUrl());
        JsonArray entries = ask("audit.list", on(id)).getJsonArray("entries");
        assertThat(entries).hasSize(10);
    }

    @Test
    void refusesWithTheNumberOfTheCodeAndTheFiguresInTheMessage() {
        String root = ask("quota.create", creation(100)).getString("id");
        String full = ask("quota.create", creation(10)).getString("id");
        ask("usage.allocate", usage(full, 10));
        refused(ErrorCode.INVALID_REQUEST, alice, "usage.allocate", usage(root, 0), "usage_mb");
        refused(
                ErrorCode.INVALID_REQUEST,
                alice,
                "usage.allocate",
                on(root).put("resource_id", "r").put("usage_mb", 1.0));
        refused(ErrorCode.INVALID_CREDENTIAL, alice, "quota.get", on(root).put("encrypted_data", "AAAA"));
        refused(
                ErrorCode.CREDENTIAL_EXPIRED,
                alice,
                "quota.get",
                on(root).put("encrypted_data", service.seal(alice.caller(), System.currentTimeMillis() - 301_000)));
        String used = alice.seal();
        ask("quota.get", on(root).put("encrypted_data", used));
        refused(ErrorCode.CREDENTIAL_REPLAYED, alice, "quota.get", on(root).put("encrypted_data", used));
        refused(ErrorCode.PERMISSION_DENIED, nobody, "usage.allocate", usage(root, 1), "read, admin, owner");
        refused(ErrorCode.QUOTA_NOT_FOUND, service.user("rival", "alice"), "quota.get", on(root));
        refused(
                ErrorCode.INSUFFICIENT_QUOTA,
                alice,
                "usage.allocate",
                usage(full, 7),
                "0 MB available of 10 MB",
                "7 MB");
        refused(
                ErrorCode.INSUFFICIENT_QUOTA,
                alice,
                "quota.allocate",
                child(root, 101),
                "100 MB available",
                "1 MB too much");
        refused(ErrorCode.INSUFFICIENT_USAGE, alice, "usage.deallocate", usage(full, 11), "10 MB", "11 MB");
        refused(ErrorCode.QUOTA_NOT_EMPTY, alice, "quota.release", on(full), "10 MB used");
        refused(ErrorCode.LAST_OWNER, alice, "permission.revoke", on(root).mergeIn(User.permissions("alice", "owner")));
        refused(
                ErrorCode.HIERARCHY_VIOLATION,
                alice,
                "quota.allocate",
                child(root, 1).put("target_id", "rival"));
        ask("quota.suspend", on(root).put("idempotency_key", "bus"));
        refused(ErrorCode.IDEMPOTENCY_KEY_REUSED, alice, "quota.resume", on(root).put("idempotency_key", "bus"));
        refused(ErrorCode.QUOTA_SUSPENDED, alice, "usage.allocate", usage(root, 1), root);
    }

    @Test
    void sharesIdempotencyKeysWithHttp() {
        String root = alice.root(100);
        JsonObject first = ask("usage.allocate", usage(root, 5).put("idempotency_key", "both doors"));
        assertThat(ask("usage.allocate", usage(root, 5).put("idempotency_key", "both doors")))
                .isEqualTo(first);
        var repeat = alice.post(
                "/quotas/" + root + "/usage/allocate", User.usage("res", 5), "Idempotency-Key", "both doors");
        assertThat(repeat.data()).isEqualTo(first);
        assertThat(repeat.replayed()).isTrue();
        assertThat(alice.quota(root).getLong("used_mb")).isEqualTo(5);
    }

    @Test
    void publishesEveryCommittedChangeInOrderForEachQuota() {
        List<String> roots = List.of(alice.root(1_000), alice.root(1_000), alice.root(1_000));
        List<CompletableFuture<?>> sent = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            JsonObject usage = usage(roots.get(i % 3), i < 54 ? 1 : 5_000); // the last ones are refused
            sent.add(send(alice, "usage.allocate", usage.put("idempotency_key", "key " + i))
                    .otherwiseEmpty()
                    .toCompletionStage()
                    .toCompletableFuture());
        }
        sent.forEach(RunningService::await);
        roots.forEach(root -> alice.act(root, "suspend").data());
        Invariants.awaitSealed(service.databaseUrl());
        Map<String, List<JsonObject>> byQuota = new LinkedHashMap<>();
        RunningService.until("20 events for each", () -> {
            byQuota.clear();
            events.forEach(event -> byQuota.computeIfAbsent(event.getString("quota_id"), ignored -> new ArrayList<>())
                    .add(event));
            return roots.stream()
                    .allMatch(root -> byQuota.getOrDefault(root, List.of()).size() >= 20);
        });
        for (String root : roots) {
            List<JsonObject> ofRoot = byQuota.getOrDefault(root, List.of());
            assertThat(ofRoot)
                    .extracting(event -> event.getLong("version"))
                    .containsExactlyElementsOf(
                            LongStream.rangeClosed(1, 20).boxed().toList());
            assertThat(ofRoot.get(0).getString("type")).isEqualTo("quota.create");
            assertThat(ofRoot.get(19).getString("type")).isEqualTo("quota.suspend");
            JsonObject taken = ofRoot.get(1);
            assertThat(taken.fieldNames())
                    .containsExactlyInAnyOrder(
                            "event_id",
                            "operation_id",
                            "type",
                            "organization_id",
                            "quota_id",
                            "version",
                            "occurred_at",
                            "actor",
                            "data");
            assertThat(taken.getString("organization_id")).isEqualTo("acme");
            assertThat(taken.getString("actor")).isEqualTo("alice");
            assertThat(taken.getString("operation_id")).isEqualTo(taken.getString("event_id"));
            assertThat(taken.getJsonObject("data").getJsonArray("changes"))
                    .isEqualTo(new JsonArray("""
                    [{"quota_id": "%s", "version": 2,
                      "before": {"used_mb": 0, "reserved_mb": 0, "held_mb": 0}, "after": {"used_mb": 1, "reserved_mb": 0, "held_mb": 1}}]
                    """.formatted(root)));
            assertThat(taken.getJsonObject("data").fieldNames()).doesNotContain("idempotency_key");
            // What was published had been committed.
            assertThat(alice.audit(root))
                    .extracting(entry -> entry.getString("audit_id"))
                    .contains(taken.getString("event_id"));
        }
    }
}
