package com.cagen.quota.domain.access;

import java.util.List;

/**
 * Which of these users may hear of which of these quotas: those that a list of quotas would show them, and all for the owner of
 * a root quota.
 *
 * @param organizationId of the users and of the quotas
 * @param quotaIds without duplicates
 * @param userIds without duplicates
 */
public record VisibilityQuestion(String organizationId, List<String> quotaIds, List<String> userIds) {
    public VisibilityQuestion {
        quotaIds = List.copyOf(quotaIds);
        userIds = List.copyOf(userIds);
    }
}
