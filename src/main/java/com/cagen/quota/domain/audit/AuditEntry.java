package com.cagen.quota.domain.audit;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What the audit trail keeps of one operation, before it has its place in the organization's chain.
 *
 * @param auditId the operation's id; for usage also the {@code usage_id}, for a change also the event's id
 * @param quotaId the quota operated on (for allocate and release the child); null where there is none, as for a refused
 *     creation or a used credential
 * @param quotaVersion the version that the change gave the quota; null for a refusal and for what changed nothing
 * @param action an operation's wire name, or {@code credential.use}
 * @param outcome {@code applied} or {@code refused}
 * @param details JSON text of an object: what was asked, the figures before and after; for a refusal also its {@code code}
 * @param createdAt whole microseconds, as PostgreSQL keeps them
 */
public record AuditEntry(
        UUID auditId,
        String organizationId,
        @Nullable String quotaId,
        @Nullable String parentQuotaId,
        @Nullable Long quotaVersion,
        String action,
        String outcome,
        String actorUserId,
        String serviceId,
        @Nullable String targetUserId,
        String details,
        String requestId,
        Instant createdAt) {

    public static final String APPLIED = "applied";
    public static final String REFUSED = "refused";
    /** The action of an entry for an expired or replayed credential. */
    public static final String CREDENTIAL_USE = "credential.use";
}
