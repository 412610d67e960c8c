package com.cagen.quota.protocol;

import java.util.List;

/**
 * Who asks: as the credential says and nothing else does; or the service itself, which needs no credential.
 *
 * @param organizationId the user's organization; everything the request touches is inside it
 * @param userId the user on whose behalf the service asks
 * @param serviceId the calling service, which shares the key with this one; {@link #SYSTEM_SERVICE} for the service itself
 * @param teamIds the user's teams, possibly none
 */
public record Caller(String organizationId, String userId, String serviceId, List<String> teamIds) {
    public Caller {
        teamIds = List.copyOf(teamIds);
    }

    /** The user id under which the service itself acts. A client's user may be called the same. */
    public static final String SYSTEM = "system";

    /** The service id under which the service itself acts. No client's service id has a colon, so nobody else has this one. */
    public static final String SYSTEM_SERVICE = "cagen:system";

    /** The service itself, at work in an organization. */
    public static Caller system(String organizationId) {
        return new Caller(organizationId, SYSTEM, SYSTEM_SERVICE, List.of());
    }

    public boolean isSystem() {
        return serviceId.equals(SYSTEM_SERVICE);
    }
}
