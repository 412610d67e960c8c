package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.protocol.Identifiers;
import com.cagen.quota.protocol.QuotaType;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A quota and what is below it, as somebody wants it. What is null stays as it is.
 *
 * @param key unique among the siblings; null at the top
 * @param type of a child; null at the top
 * @param targetId the team of a child of type team, else null
 * @param totalMb of a child always given
 * @param children null: whatever is below stays
 */
public record DeclaredTree(
        @Nullable String key,
        @Nullable String name,
        @Nullable String description,
        @Nullable QuotaType type,
        @Nullable String targetId,
        @Nullable Long totalMb,
        @Nullable List<DeclaredTree> children) {
    /** How many quotas a tree may have, the top included. */
    static final int MAX_QUOTAS = 200;

    static final int MAX_NAME = 255;
    static final int MAX_DESCRIPTION = 2_000;
    static final int MAX_KEY = 63;
    static final long MAX_TOTAL_MB = 9_007_199_254_740_991L;
    private static final Pattern KEY = Pattern.compile("[a-z0-9-]{1," + MAX_KEY + "}");

    public DeclaredTree {
        children = children == null ? null : List.copyOf(children);
    }

    /** How many quotas it declares, the top included. */
    int size() {
        return 1
                + (children == null
                        ? 0
                        : children.stream().mapToInt(DeclaredTree::size).sum());
    }

    /** A tree that {@link #check} rejected nothing of. */
    static DeclaredTree decode(Fields fields) {
        return new DeclaredTree(
                fields.verbatim("key"),
                fields.verbatim("name"),
                fields.verbatim("description"),
                fields.optional("type", QuotaType::ofWireName),
                fields.optional("target_id"),
                fields.optionalNumber("total_mb"),
                fields.value("children") == null
                        ? null
                        : fields.objects("children").stream()
                                .map(DeclaredTree::decode)
                                .toList());
    }

    /**
     * Rejects what does not fit. The OpenAPI document cannot express it where requests are checked: it would have to name itself.
     *
     * @param top the fields of the tree
     */
    static void check(Fields top) {
        checkLabel(top, false);
        checkTotal(top, false);
        // Before each is checked: a body has room for thousands of wrong ones, each with violations of its own.
        if (countBelow(top, 0) > MAX_QUOTAS - 1) {
            top.reject("children", "must be at most " + (MAX_QUOTAS - 1) + " quotas in all, on all levels");
        } else {
            checkChildren(top, 0);
        }
    }

    /** Down to the lowest level that there may be. */
    private static int countBelow(Fields parent, int level) {
        int quotas = 0;
        if (level < Quota.MAX_LEVEL) {
            for (Fields child : parent.objects("children")) {
                quotas += 1 + countBelow(child, level + 1);
            }
        }
        return quotas;
    }

    private static void checkChildren(Fields parent, int level) {
        if (parent.value("children") == null) {
            return;
        }
        if (level == Quota.MAX_LEVEL) {
            parent.reject("children", "must be absent: quotas nest at most " + (Quota.MAX_LEVEL + 1) + " levels deep");
            return;
        }
        if (!parent.isListOfObjects("children")) {
            parent.reject("children", "must be a list of objects");
            return;
        }
        Set<Object> keys = new HashSet<>();
        for (Fields child : parent.objects("children")) {
            checkChild(child);
            if (child.value("key") instanceof String key && !keys.add(key)) {
                child.reject("key", "must be another one: a quota beside it has the same");
            }
            checkChildren(child, level + 1);
        }
    }

    private static void checkChild(Fields child) {
        if (!(child.value("key") instanceof String key && KEY.matcher(key).matches())) {
            child.reject("key", "must be 1 to " + MAX_KEY + " of a-z0-9-");
        }
        checkLabel(child, true);
        checkTotal(child, true);
        if (!(child.value("type") instanceof String type) || !isType(type)) {
            child.reject("type", "must be one of organization, team");
        }
        Object target = child.value("target_id");
        if (target != null && !isText(target, Identifiers.MAX_LENGTH, false)) {
            child.reject(
                    "target_id",
                    "must be text of 0 to " + Identifiers.MAX_LENGTH + " characters, without control characters");
        }
        AllocateQuota.checkTeam("target_id", child);
    }

    private static boolean isType(String name) {
        for (QuotaType type : QuotaType.values()) {
            if (type.wireName().equals(name)) {
                return true;
            }
        }
        return false;
    }

    private static void checkLabel(Fields fields, boolean needsName) {
        Object name = fields.value("name");
        if (name == null ? needsName : "".equals(name) || !isText(name, MAX_NAME, false)) {
            fields.reject("name", "must be text of 1 to " + MAX_NAME + " characters, without control characters");
        }
        Object description = fields.value("description");
        if (description != null && !isText(description, MAX_DESCRIPTION, true)) {
            fields.reject(
                    "description",
                    "must be text of 0 to " + MAX_DESCRIPTION
                            + " characters, without control characters except newline and tab");
        }
    }

    private static boolean isText(Object value, int maxLength, boolean lines) {
        return value instanceof String text
                && text.codePointCount(0, text.length()) <= maxLength
                && text.codePoints()
                        .noneMatch(character -> Identifiers.unprintable(character)
                                && !(lines && (character == '\n' || character == '\t')));
    }

    private static void checkTotal(Fields fields, boolean needed) {
        Object total = fields.value("total_mb");
        boolean fits = total == null
                ? !needed
                : (total instanceof Integer || total instanceof Long)
                        && ((Number) total).longValue() >= 1
                        && ((Number) total).longValue() <= MAX_TOTAL_MB;
        if (!fits) {
            fields.reject("total_mb", "must be an integer from 1 to " + MAX_TOTAL_MB);
        }
    }
}
