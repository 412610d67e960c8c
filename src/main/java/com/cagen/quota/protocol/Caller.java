package com.cagen.quota.protocol;

import java.util.List;

/**
 * Who asks, as the credential says and nothing else does.
 *
 * @param organizationId the user's organization; everything the request touches is inside it
 * @param userId the user on whose behalf the service asks
 * @param serviceId the calling service, which shares the key with this one
 * @param teamIds the user's teams, possibly none
 */
public record Caller(String organizationId, String userId, String serviceId, List<String> teamIds) {
    public Caller {
        teamIds = List.copyOf(teamIds);
    }
}
