package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.access.AuthMessage;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.protocol.Caller;
import java.util.List;

/** What the auth service is told of a new quota. */
final class Registrations {
    private Registrations() {}

    static AuthMessage of(Quota quota, Caller creator, List<String> adminUserIds) {
        return new AuthMessage(
                creator.userId(),
                creator.teamIds(),
                quota.name(),
                quota.description() == null ? "" : quota.description(),
                adminUserIds);
    }
}
