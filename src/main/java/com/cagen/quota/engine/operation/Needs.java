package com.cagen.quota.engine.operation;

import com.cagen.quota.domain.access.GrantKey;
import com.cagen.quota.domain.quota.HoldingKey;
import com.cagen.quota.domain.quota.IncreaseKey;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.quota.ReservationKey;
import com.cagen.quota.domain.quota.SiblingKey;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * The rows that the operations of one transaction need: the union of what each of them names. A quota that cannot exist ({@link
 * QuotaKey#canExist}) is not looked for, so it is not found.
 */
public final class Needs {
    private final Set<QuotaKey> locked = new LinkedHashSet<>();
    private final Set<QuotaKey> read = new LinkedHashSet<>();
    private final Set<QuotaKey> withParent = new LinkedHashSet<>();
    private final Set<QuotaKey> withSubtree = new LinkedHashSet<>();
    private final Set<QuotaKey> quotasBelow = new LinkedHashSet<>(0);
    private final Set<QuotaKey> treeSizes = new LinkedHashSet<>();
    private final Set<SiblingKey> siblingKeys = new LinkedHashSet<>(0);
    private final Map<QuotaKey, String> keysUnder = new LinkedHashMap<>(0);
    private final Set<HoldingKey> holdings = new LinkedHashSet<>();
    private final Set<GrantKey> grants = new LinkedHashSet<>();
    private final Set<QuotaKey> allHoldings = new LinkedHashSet<>(0);
    private final Map<QuotaKey, Instant> usageAfter = new LinkedHashMap<>(0);
    private final Set<ReservationKey> reservations = new LinkedHashSet<>(0);
    private final Set<ReservationKey> reservationsWithHolding = new LinkedHashSet<>(0);
    private final Set<IncreaseKey> increases = new LinkedHashSet<>(0);
    private String organizationId = "";

    /** What is named from now on is of this organization: the caller's. */
    public Needs of(String callersOrganizationId) {
        organizationId = callersOrganizationId;
        return this;
    }

    /** The quota, to look at. */
    public void read(String quotaId) {
        addTo(read, quotaId);
    }

    /** The quota, to change it. */
    public void lock(String quotaId) {
        addTo(locked, quotaId);
    }

    /** The quota and its parent, to change both. Such an operation does not share its transaction. */
    public void lockWithParent(String quotaId) {
        addTo(withParent, quotaId);
    }

    /** The quota and its parent, to change them, and the living quotas below, for what they inherit. It does not share either. */
    public void lockWithSubtree(String quotaId) {
        addTo(withSubtree, quotaId);
    }

    /** The living quotas below one that is named: to change them when it is locked with its subtree, else to look at. It does not share. */
    public void quotasBelow(String quotaId) {
        addTo(quotasBelow, quotaId);
    }

    /** How many living quotas the quota's tree has. Such an operation does not share its transaction. */
    public void treeSize(String quotaId) {
        addTo(treeSizes, quotaId);
    }

    /**
     * Which quota beside a quota, or itself, has a key. The quota is locked with its parent, so the operation does not share its
     * transaction.
     */
    public void siblingWithKey(String quotaId, String key) {
        QuotaKey quota = new QuotaKey(organizationId, quotaId);
        if (quota.canExist()) {
            siblingKeys.add(new SiblingKey(quota, key));
        }
    }

    /** Which living child of {@code parentId} has the key that the quota has. Both are locked; such an operation does not share. */
    public void keyUnder(String quotaId, String parentId) {
        QuotaKey quota = new QuotaKey(organizationId, quotaId);
        if (quota.canExist()) {
            keysUnder.put(quota, parentId);
        }
    }

    private void addTo(Set<QuotaKey> set, String quotaId) {
        QuotaKey key = new QuotaKey(organizationId, quotaId);
        if (key.canExist()) {
            set.add(key);
        }
    }

    /** What the resource holds on a quota that is locked. */
    public void holding(String quotaId, String resourceId) {
        holdings.add(new HoldingKey(organizationId, quotaId, resourceId));
    }

    /** A reservation of a quota that is named as well. */
    public void reservation(String quotaId, String reservationId) {
        reservations.add(new ReservationKey(organizationId, quotaId, reservationId));
    }

    /** What every resource holds on a quota that is locked. Such an operation does not share its transaction. */
    public void allHoldings(String quotaId) {
        addTo(allHoldings, quotaId);
    }

    /** How the usage of a locked quota's resources has changed after a moment. Such an operation does not share its transaction. */
    public void usageAfter(String quotaId, Instant moment) {
        QuotaKey key = new QuotaKey(organizationId, quotaId);
        if (key.canExist()) {
            usageAfter.put(key, moment);
        }
    }

    /** As {@link #reservation}, and what its resource holds. The quota is locked. */
    public void reservationWithHolding(String quotaId, String reservationId) {
        reservation(quotaId, reservationId);
        reservationsWithHolding.add(new ReservationKey(organizationId, quotaId, reservationId));
    }

    /** A request for a larger quota, which is locked. */
    public void increase(String increaseId) {
        increases.add(new IncreaseKey(organizationId, increaseId));
    }

    /** What the user was granted on a quota that is locked. */
    public void granted(String quotaId, String userId) {
        grants.add(new GrantKey(organizationId, quotaId, userId));
    }

    /** Every quota that was named, their parents and subtrees aside. */
    public Set<QuotaKey> quotas() {
        Set<QuotaKey> result = new LinkedHashSet<>(locked);
        result.addAll(read);
        result.addAll(withParent);
        result.addAll(withSubtree);
        return result;
    }

    /** Those of them that are locked. */
    public Set<QuotaKey> toLock() {
        Set<QuotaKey> result = new LinkedHashSet<>(locked);
        result.addAll(withParent);
        result.addAll(withSubtree);
        return result;
    }

    /** Whether one statement cannot lock all. */
    public boolean lockSeveralTimes() {
        return !withSubtree.isEmpty() || withParent.size() > 1 || (!withParent.isEmpty() && !locked.isEmpty());
    }

    public Set<QuotaKey> locked() {
        return locked;
    }

    /** Those that are not locked anyway. */
    public Set<QuotaKey> onlyRead() {
        Set<QuotaKey> result = new LinkedHashSet<>(read);
        result.removeAll(locked);
        return result;
    }

    public Set<QuotaKey> withParent() {
        return withParent;
    }

    public Set<QuotaKey> withSubtree() {
        return withSubtree;
    }

    public Set<QuotaKey> quotasBelow() {
        return quotasBelow;
    }

    public Set<QuotaKey> treeSizes() {
        return treeSizes;
    }

    public Set<SiblingKey> siblingKeys() {
        return siblingKeys;
    }

    public Map<QuotaKey, String> keysUnder() {
        return keysUnder;
    }

    public Set<HoldingKey> holdings() {
        return holdings;
    }

    public Set<QuotaKey> allHoldings() {
        return allHoldings;
    }

    public Map<QuotaKey, Instant> usageAfter() {
        return usageAfter;
    }

    public Set<ReservationKey> reservations() {
        return reservations;
    }

    /** Those of the reservations whose resources' holdings are needed. */
    public Set<ReservationKey> reservationsWithHolding() {
        return reservationsWithHolding;
    }

    public Set<IncreaseKey> increases() {
        return increases;
    }

    public Set<GrantKey> grants() {
        return grants;
    }
}
