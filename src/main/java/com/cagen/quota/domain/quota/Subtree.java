package com.cagen.quota.domain.quota;

/**
 * The living quotas below a quota, which are locked.
 *
 * @param quotas how many
 * @param deepestLevel of the deepest one; without any, 0
 * @param haveOwners whether some have owners of their own
 */
public record Subtree(int quotas, int deepestLevel, boolean haveOwners) {
    public static final Subtree NONE = new Subtree(0, 0, false);
}
