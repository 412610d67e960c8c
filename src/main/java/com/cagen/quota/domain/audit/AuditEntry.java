package com.cagen.quota.domain.audit;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What the audit trail keeps of one operation, before it has its place in the organization's chain.
 *
 * @param auditId for usage also the {@code usage_id}, for a change also the event's id
 * @param operationId the same in all entries of one operation: the {@code auditId} of the first one, which most operations
 *     have alone
 * @param quotaId the quota operated on (for allocate and release the child); null where there is none, as for a refused
 *     creation or a used credential
 * @param quotaVersion the version that the change gave the quota; null for a refusal and for what changed nothing
 * @param action an operation's wire name, or {@code credential.use}
 * @param outcome {@code applied} or {@code refused}
 * @param details JSON text of an object: what was asked, and what changed; for a refusal also its {@code code}
 * @param createdAt whole microseconds, as PostgreSQL keeps them
 */
public record AuditEntry(
        UUID auditId,
        UUID operationId,
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

    /**
     * The id of one of an operation's entries: of the first one it is the operation's id, and the further ones count up from it.
     * The end of an operation's id is random, so these are as unique.
     */
    public static UUID idOf(UUID operationId, int index) {
        return new UUID(operationId.getMostSignificantBits(), operationId.getLeastSignificantBits() + index);
    }

    /** The only entry of its operation. */
    public AuditEntry(
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
        this(
                auditId,
                auditId,
                organizationId,
                quotaId,
                parentQuotaId,
                quotaVersion,
                action,
                outcome,
                actorUserId,
                serviceId,
                targetUserId,
                details,
                requestId,
                createdAt);
    }

    /** Whether the parent's trail has it as well, as it changes what the parent has allocated. */
    public boolean listedForParent() {
        return action.equals("quota.allocate") || action.equals("quota.release");
    }
}
