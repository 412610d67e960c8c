package com.cagen.quota.engine.operation;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.protocol.Caller;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One operation of the contract: everything that is particular to it, in one class. Stateless and shared by all threads.
 *
 * @param <C> its decoded fields
 */
public abstract sealed class Operation<C extends Input> permits RowOperation, QueryOperation {
    private final OperationName name;
    private final Class<C> commandType;
    private final List<HttpRoute> routes;

    Operation(OperationName name, Class<C> commandType, HttpRoute... routes) {
        this.name = name;
        this.commandType = commandType;
        this.routes = List.of(routes);
    }

    /** Also the operationId of its request in the OpenAPI document. */
    public final OperationName name() {
        return name;
    }

    /** The record {@code C}. */
    public final Class<C> commandType() {
        return commandType;
    }

    /** Possibly none. */
    public final List<HttpRoute> routes() {
        return routes;
    }

    /** What carries out this command: this operation, or another one of the same name for some of its commands. */
    public Operation<C> forCommand(C command) {
        return this;
    }

    /** Rejects fields that the OpenAPI document cannot express. Called before {@link #decode}, with whatever came. */
    public void check(Fields fields) {}

    /** The fields as a record. They are within the limits of the OpenAPI document, and {@link #check} rejected none. */
    public abstract C decode(Fields fields);

    /** Names the rows to load, and to lock. */
    public abstract void need(C command, Needs needs);

    /** The quotas besides the command's own that must exist. {@link #need} names them, too. */
    public List<String> furtherQuotas(C command) {
        return List.of();
    }

    /** The answer when a quota that the request is about does not exist. */
    public Refusal quotaNotFound() {
        return Refusal.quotaNotFound();
    }

    /**
     * Why something else that the request names does not exist; null when all of it does. The quotas exist.
     *
     * @param rows what {@link #need} named
     */
    public @Nullable Refusal missing(C command, Rows rows) {
        return null;
    }

    /**
     * Whether the caller may do this. The quotas of the command exist.
     *
     * @param rows what {@link #need} named
     */
    public abstract Access.Result access(C command, Rows rows, Caller caller, KnownGrants grants);

    /** Whether it works on a deleted quota as well. */
    public boolean outlivesDeletion() {
        return false;
    }

    /** Whether a success answers one quota. HTTP then repeats its version in the header {@code ETag}. */
    public boolean answersQuota() {
        return false;
    }

    /** Whether HTTP offers what a success answers as YAML, too. */
    public boolean offersYaml() {
        return false;
    }

    /**
     * Whether it may change which users see a quota that was there before; {@code quota.list} says what seeing means. Events of
     * an operation that does not say so end what bridges have remembered of the quota.
     */
    public boolean changesVisibility() {
        return true;
    }

    /** Writes what was asked into the audit entry. The idempotency key is added to it. */
    public void describe(C command, JsonText details) {}

    /** The quota that the audit entry of a refusal is about; null when it is about none. */
    public @Nullable String refusedQuotaId(C command, Refusal refusal) {
        return command.quotaId();
    }

    /** Writes what was refused into the audit entry. */
    public void describeRefused(C command, Refusal refusal, JsonText details) {
        describe(command, details);
    }

    /** How many simple requests it is worth in a transaction; 1 or more. */
    public int weight(C command) {
        return 1;
    }

    /** The user whose permissions it changes; null for other operations. */
    public @Nullable String targetUserId(C command) {
        return null;
    }
}
