package com.cagen.quota.domain.quota;

/** A quota in its organization: a quota's id alone never finds a row. */
public record QuotaKey(String organizationId, String quotaId) {
    /**
     * Whether there can be a quota by this id. No id that this service makes has a slash, which separates a quota's id from its
     * organization where a transaction claims rows: an id with one would claim the rows of another organization.
     */
    public boolean canExist() {
        return quotaId.indexOf('/') < 0;
    }

    public static QuotaKey of(Quota quota) {
        return new QuotaKey(quota.organizationId(), quota.id());
    }
}
