package com.cagen.quota.client;

import java.util.List;

/**
 * On whose behalf the calling service asks: it vouches for this with its key.
 *
 * @param teamIds the user's teams, possibly none
 */
public record User(String userId, String organizationId, List<String> teamIds) {
    public User {
        teamIds = List.copyOf(teamIds);
    }

    public User(String userId, String organizationId) {
        this(userId, organizationId, List.of());
    }
}
