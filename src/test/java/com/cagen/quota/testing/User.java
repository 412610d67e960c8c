package com.cagen.quota.testing;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.protocol.Caller;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Somebody who calls a {@link RunningService} over HTTP, with a fresh credential for each request. Thread-safe. */
public final class User {
    private final RunningService service;
    private final Caller caller;

    User(RunningService service, Caller caller) {
        this.service = service;
        this.caller = caller;
    }

    public Caller caller() {
        return caller;
    }

    /** {@code encrypted_data} of a fresh credential. */
    public String seal() {
        return service.seal(caller, System.currentTimeMillis());
    }

    /** A fresh credential as a value of the header {@code Authorization}. */
    public String authorization() {
        return "Cagen " + caller.serviceId() + ":" + seal();
    }

    /** A fresh credential as the fields of a body. */
    public JsonObject credential() {
        return new JsonObject().put("service_id", caller.serviceId()).put("encrypted_data", seal());
    }

    /**
     * @param path below {@code /api/v1}
     * @param headers names and values in turn
     */
    public Reply get(String path, String... headers) {
        return RunningService.await(sendAsync("GET", path, "", headers));
    }

    /** @param headers names and values in turn */
    public Reply post(String path, JsonObject body, String... headers) {
        return RunningService.await(postAsync(path, body, headers));
    }

    public CompletableFuture<Reply> postAsync(String path, JsonObject body, String... headers) {
        return sendAsync("POST", path, body.encode(), headers);
    }

    /** Also for what is no JSON. */
    public CompletableFuture<Reply> sendAsync(String method, String path, String body, String... headers) {
        List<String> all = new ArrayList<>(List.of(headers));
        all.addAll(List.of("Authorization", authorization()));
        return service.sendAsync(method, "/api/v1" + path, body, all.toArray(String[]::new));
    }

    public Reply delete(String path, String... headers) {
        return RunningService.await(sendAsync("DELETE", path, "", headers));
    }

    /** Changes fields of a quota. */
    public Reply update(String quota, JsonObject fields, String... headers) {
        return RunningService.await(updateAsync(quota, fields, headers));
    }

    public CompletableFuture<Reply> updateAsync(String quota, JsonObject fields, String... headers) {
        return sendAsync("PATCH", "/quotas/" + quota, fields.encode(), headers);
    }

    /** Makes a root quota of type organization. */
    public String root(long totalMb) {
        JsonObject body =
                new JsonObject().put("name", "root").put("type", "organization").put("total_mb", totalMb);
        return id(post("/quotas/create", body));
    }

    /** Cuts a child of type organization out of {@code parent}, with admins. */
    public String child(String parent, long mb, String... admins) {
        return id(post(
                "/quotas/" + parent + "/allocate",
                childBody(mb).put("admin_user_ids", new JsonArray(List.of(admins)))));
    }

    /** What {@link #child} sends. */
    public static JsonObject childBody(long mb) {
        return new JsonObject().put("name", "child").put("type", "organization").put("allocate_mb", mb);
    }

    /** Cuts a team's child out of {@code parent}. */
    public String team(String parent, long mb, String team) {
        return id(post(
                "/quotas/" + parent + "/allocate",
                childBody(mb).put("type", "team").put("target_id", team)));
    }

    private static String id(Reply reply) {
        assertThat(reply.status()).as(reply.body()).isEqualTo(201);
        return reply.data().getString("id");
    }

    public JsonObject quota(String id) {
        return get("/quotas/" + id).data();
    }

    /** What the usage operations send. */
    public static JsonObject usage(String resource, long mb) {
        return new JsonObject().put("resource_id", resource).put("usage_mb", mb);
    }

    public Reply take(String quota, String resource, long mb) {
        return post("/quotas/" + quota + "/usage/allocate", usage(resource, mb));
    }

    public Reply giveBack(String quota, String resource, long mb) {
        return post("/quotas/" + quota + "/usage/deallocate", usage(resource, mb));
    }

    public Reply grant(String quota, String user, String... permissions) {
        return post("/quotas/" + quota + "/permissions/grant", permissions(user, permissions));
    }

    public Reply revoke(String quota, String user, String... permissions) {
        return post("/quotas/" + quota + "/permissions/revoke", permissions(user, permissions));
    }

    /** What {@link #grant} and {@link #revoke} send. */
    public static JsonObject permissions(String user, String... permissions) {
        return new JsonObject().put("target_user_id", user).put("permissions", new JsonArray(List.of(permissions)));
    }

    /** {@code action} is {@code suspend}, {@code resume} or {@code release}. */
    public Reply act(String quota, String action, String... headers) {
        return post("/quotas/" + quota + "/" + action, new JsonObject(), headers);
    }

    /** The first page, at most 100 entries, once everything that happened is in it. */
    public List<JsonObject> audit(String quota) {
        Invariants.awaitSealed(service.databaseUrl());
        return get("/quotas/" + quota + "/audit?limit=100").list("entries");
    }
}
