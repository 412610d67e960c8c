package com.cagen.quota.entry.request;

import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.Nonce;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.auth.User;

/** The user for whom a credential speaks. It is good for one request: the database claims its nonce. */
public final class AuthenticatedUser implements User {
    private final Caller caller;
    private final Nonce nonce;

    AuthenticatedUser(Caller caller, Nonce nonce) {
        this.caller = caller;
        this.nonce = nonce;
    }

    /** @throws IllegalStateException for a user that no provider of this service has authenticated */
    static AuthenticatedUser of(User user) {
        if (user instanceof AuthenticatedUser authenticated) {
            return authenticated;
        }
        throw new IllegalStateException("a user of an unknown provider");
    }

    public Caller caller() {
        return caller;
    }

    Nonce nonce() {
        return nonce;
    }

    @Override
    public String subject() {
        return caller.userId();
    }

    @Override
    public JsonObject principal() {
        return new JsonObject()
                .put("sub", caller.userId())
                .put("organization_id", caller.organizationId())
                .put("service_id", caller.serviceId())
                .put("team_ids", new JsonArray(caller.teamIds()));
    }

    /** None. */
    @Override
    public JsonObject attributes() {
        return new JsonObject();
    }

    /** @throws UnsupportedOperationException always: a request has one credential, and so one user */
    @Override
    public User merge(User other) {
        throw new UnsupportedOperationException("a request has one user");
    }
}
