package com.cagen.quota.domain.access;

import java.util.List;

/**
 * What the auth service has still to be told of a new quota: that it exists, and who may administer it. One for each creation,
 * written in the creation's own transaction.
 *
 * @param userId who created the quota, and on whose behalf the auth service is told
 * @param teamIds that user's teams
 * @param displayName the quota's name
 * @param description the quota's description, empty when it has none
 * @param adminUserIds who gets read and admin, possibly nobody
 */
public record AuthMessage(
        String userId, List<String> teamIds, String displayName, String description, List<String> adminUserIds) {
    public AuthMessage {
        teamIds = List.copyOf(teamIds);
        adminUserIds = List.copyOf(adminUserIds);
    }
}
