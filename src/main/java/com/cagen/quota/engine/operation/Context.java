package com.cagen.quota.engine.operation;

import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.protocol.Caller;
import java.time.Instant;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * What a decision may depend on besides rows and fields.
 *
 * @param operationId identifies the operation in ledger, audit trail and events
 * @param grants what is known of the caller's
 * @param now the time of the transaction by the clock of the database, read under its locks, in whole microseconds
 * @param quotaIds makes the id of a new quota
 * @param toldAuth whether the auth service has confirmed what {@link Decision.TellAuth} asked for
 */
public record Context(
        UUID operationId, Caller caller, KnownGrants grants, Instant now, Supplier<String> quotaIds, boolean toldAuth) {
    /** The id of the operation's audit entry at {@code index}, from 0, and of the ledger entry that belongs to it. */
    public UUID entryId(int index) {
        return AuditEntry.idOf(operationId, index);
    }
}
