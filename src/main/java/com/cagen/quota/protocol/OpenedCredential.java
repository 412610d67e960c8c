package com.cagen.quota.protocol;

/** What came out of a credential. */
public sealed interface OpenedCredential {

    /** Authentic and within its time; whether it was used before, only the database knows. */
    record Valid(Caller caller, Nonce nonce) implements OpenedCredential {
        /** What the nonces begin with that this service makes for the auth service. */
        static final String AUTH_SERVICE_NONCES = "cagen-quota-to-auth-service:";

        /** Whether this service sealed it for the auth service: it is good there and nowhere else. */
        public boolean forAuthService() {
            return nonce.value().startsWith(AUTH_SERVICE_NONCES);
        }
    }

    /** Authentic, but its timestamp is more than five minutes away from now. */
    record Expired(Caller caller) implements OpenedCredential {}

    /** Anything else; the reason is deliberately not told. */
    record Invalid() implements OpenedCredential {}
}
