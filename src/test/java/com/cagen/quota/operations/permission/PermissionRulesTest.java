package com.cagen.quota.operations.permission;

import static com.cagen.quota.testing.Samples.NOW;
import static com.cagen.quota.testing.Samples.caller;
import static com.cagen.quota.testing.Samples.child;
import static com.cagen.quota.testing.Samples.root;
import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.testing.SampleRows;
import com.cagen.quota.testing.Samples;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Which owners may be revoked. */
class PermissionRulesTest {
    private final Quota root = root("q", 10);

    @Test
    void keepsARootsLastOwner() {
        for (boolean toldAuth : new boolean[] {false, true}) {
            assertThat(revokeOwner(root, "owner", toldAuth))
                    .isInstanceOfSatisfying(
                            Decision.Refused.class,
                            refused -> assertThat(refused.refusal().code()).isEqualTo(ErrorCode.LAST_OWNER));
        }
        assertAllowed(root, "somebody");
        assertAllowed(root.withOwners("owner", List.of("owner", "second"), NOW), "owner");
        assertAllowed(child(root, "c", 5, null).withOwners("owner", List.of("deputy"), NOW), "deputy");
    }

    /** The auth service is told first; then the revocation is done. */
    private static void assertAllowed(Quota quota, String userId) {
        assertThat(revokeOwner(quota, userId, false)).isInstanceOf(Decision.TellAuth.class);
        assertThat(revokeOwner(quota, userId, true)).isInstanceOf(Decision.Done.class);
    }

    private static Decision revokeOwner(Quota quota, String userId, boolean toldAuth) {
        return Samples.decide(
                new RevokePermission.Command(quota.id(), userId, List.of(Permission.OWNER)),
                SampleRows.of(quota),
                caller("owner"),
                toldAuth);
    }
}
