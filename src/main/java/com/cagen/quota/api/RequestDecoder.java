package com.cagen.quota.api;

import com.cagen.quota.domain.Cursor;
import com.cagen.quota.domain.Operation;
import com.cagen.quota.domain.OperationType;
import com.cagen.quota.domain.Permission;
import com.cagen.quota.domain.QuotaStatus;
import com.cagen.quota.domain.QuotaType;
import com.cagen.quota.domain.RefusalException;
import io.vertx.core.MultiMap;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Makes typed operations of the fields that came with a request. Immutable. */
public final class RequestDecoder {
    private static final int DEFAULT_PAGE_SIZE = 20;
    private static final Pattern INTEGER = Pattern.compile("0|-?[1-9][0-9]{0,17}");
    private static final Pattern TIMESTAMP_START = Pattern.compile("[0-9]{4}-.*", Pattern.DOTALL);

    private final Map<String, RequestSchema> schemas;

    public RequestDecoder(Contract contract) {
        this.schemas = contract.requests();
    }

    private RequestSchema schema(String operationId) {
        return Objects.requireNonNull(schemas.get(operationId), operationId);
    }

    /**
     * Copies the fields of a query into {@code fields}, integers parsed. What is no integer stays text, and what is there
     * twice becomes a list: {@link #decode} refuses both, after the credential was looked at.
     */
    public void takeQuery(OperationType type, MultiMap query, JsonObject fields) {
        RequestSchema schema = schema(type.wireName());
        for (String name : schema.queryFields()) {
            List<String> values = query.getAll(name);
            if (values.size() > 1) {
                fields.put(name, new JsonArray(values));
            } else if (values.size() == 1) {
                String text = values.get(0);
                boolean integer =
                        schema.isInteger(name) && INTEGER.matcher(text).matches();
                fields.put(name, integer ? (Object) Long.valueOf(text) : text);
            }
        }
        takeCredential(query, fields);
    }

    /** Copies the credential fields of a query; a plus sign that a client did not encode is not lost. */
    private static void takeCredential(MultiMap query, JsonObject fields) {
        for (String name : List.of("service_id", "encrypted_data")) {
            List<String> values = query.getAll(name);
            if (!values.isEmpty()) {
                // Twice is once too often: a list opens nothing.
                fields.put(name, values.size() == 1 ? values.get(0).replace(' ', '+') : new JsonArray(values));
            }
        }
    }

    /**
     * Checks fields against the document.
     *
     * @throws RefusalException {@code invalid_request}, with every violation
     */
    public void check(String operationId, JsonObject fields) {
        List<Violation> violations = schema(operationId).check(fields);
        if (!violations.isEmpty()) {
            throw Violation.refuse(violations);
        }
    }

    /**
     * Decodes an operation.
     *
     * @param fields of path, query and body, and {@code idempotency_key} wherever it came from; unknown ones are ignored
     * @param organizationId the credential's, which a field of that name must not contradict
     * @throws RefusalException {@code invalid_request}, with every violation
     */
    public Operation decode(OperationType type, JsonObject fields, String organizationId) {
        List<Violation> violations = new ArrayList<>(schema(type.wireName()).check(fields));
        Object claimed = fields.getValue("organization_id");
        if (claimed != null && !claimed.equals(organizationId)) {
            violations.removeIf(violation -> violation.field().equals("organization_id"));
            violations.add(new Violation("organization_id", "must be the credential's organization, or absent"));
        }
        if (type == OperationType.QUOTA_CREATE) {
            teamNeeds("team_id", fields, violations);
        } else if (type == OperationType.QUOTA_ALLOCATE) {
            teamNeeds("target_id", fields, violations);
        }
        Fields read = new Fields(fields, violations);
        boolean keyset = type == OperationType.USAGE_HISTORY || type == OperationType.AUDIT_LIST;
        Instant from = keyset ? read.timestamp("from") : null;
        Instant to = keyset ? read.timestamp("to") : null;
        Long cursor = keyset ? read.cursor() : null;
        if (!violations.isEmpty()) {
            throw Violation.refuse(violations);
        }
        return build(type, read, from, to, cursor);
    }

    private static void teamNeeds(String field, JsonObject fields, List<Violation> violations) {
        Object target = fields.getValue(field);
        if ("team".equals(fields.getValue("type")) && (target == null || "".equals(target))) {
            violations.add(new Violation(field, "is missing: a quota of type team needs the id of its team"));
        }
    }

    private static Operation build(
            OperationType type, Fields fields, @Nullable Instant from, @Nullable Instant to, @Nullable Long cursor) {
        return switch (type) {
            case QUOTA_CREATE -> {
                QuotaType quotaType = QuotaType.ofWireName(fields.text("type"));
                String team = quotaType == QuotaType.TEAM ? fields.optional("team_id") : null;
                yield new Operation.CreateQuota(
                        fields.text("name"), fields.description(), quotaType, fields.number("total_mb"), team);
            }
            case QUOTA_ALLOCATE ->
                new Operation.AllocateQuota(
                        fields.text("parent_quota_id"),
                        fields.text("name"),
                        fields.description(),
                        fields.number("allocate_mb"),
                        QuotaType.ofWireName(fields.text("type")),
                        fields.optional("target_id"),
                        fields.texts("admin_user_ids"));
            case QUOTA_RELEASE -> new Operation.ReleaseQuota(fields.quotaId());
            case QUOTA_SUSPEND -> new Operation.SuspendQuota(fields.quotaId(), fields.optional("reason"));
            case QUOTA_RESUME -> new Operation.ResumeQuota(fields.quotaId(), fields.optional("reason"));
            case QUOTA_GET -> new Operation.GetQuota(fields.quotaId());
            case QUOTA_LIST -> {
                String quotaType = fields.optional("type");
                String status = fields.optional("status");
                yield new Operation.ListQuotas(
                        fields.integer("page", 1),
                        fields.integer("page_size", DEFAULT_PAGE_SIZE),
                        quotaType == null ? null : QuotaType.ofWireName(quotaType),
                        status == null ? null : QuotaStatus.ofWireName(status),
                        fields.optional("team_id"),
                        fields.optional("parent_quota_id"));
            }
            case USAGE_ALLOCATE ->
                new Operation.AllocateUsage(
                        fields.quotaId(),
                        fields.text("resource_id"),
                        fields.number("usage_mb"),
                        fields.optional("reason"));
            case USAGE_DEALLOCATE ->
                new Operation.DeallocateUsage(
                        fields.quotaId(),
                        fields.text("resource_id"),
                        fields.number("usage_mb"),
                        fields.optional("reason"));
            case USAGE_HISTORY ->
                new Operation.UsageHistory(
                        fields.quotaId(),
                        fields.optional("resource_id"),
                        from,
                        to,
                        cursor,
                        fields.integer("limit", DEFAULT_PAGE_SIZE),
                        fields.newestFirst());
            case USAGE_RUNTIMES ->
                new Operation.ListRuntimes(fields.integer("page", 1), fields.integer("page_size", DEFAULT_PAGE_SIZE));
            case PERMISSION_GRANT ->
                new Operation.GrantPermission(fields.quotaId(), fields.text("target_user_id"), fields.permissions());
            case PERMISSION_REVOKE ->
                new Operation.RevokePermission(fields.quotaId(), fields.text("target_user_id"), fields.permissions());
            case AUDIT_LIST ->
                new Operation.ListAudit(
                        fields.quotaId(),
                        fields.optional("action"),
                        fields.optional("actor"),
                        from,
                        to,
                        cursor,
                        fields.integer("limit", DEFAULT_PAGE_SIZE),
                        fields.newestFirst());
        };
    }

    /** Reads fields that the schema has let pass. */
    private record Fields(JsonObject values, List<Violation> violations) {

        String text(String name) {
            return (String) Objects.requireNonNull(values.getValue(name), name);
        }

        String quotaId() {
            return text("quota_id");
        }

        /** Null when absent or empty. */
        @Nullable
        String optional(String name) {
            Object value = values.getValue(name);
            return value == null || "".equals(value) ? null : (String) value;
        }

        /** Kept as it came, also when empty. */
        @Nullable
        String description() {
            return (String) values.getValue("description");
        }

        long number(String name) {
            return ((Number) Objects.requireNonNull(values.getValue(name), name)).longValue();
        }

        int integer(String name, int absent) {
            Object value = values.getValue(name);
            return value == null ? absent : Math.toIntExact(((Number) value).longValue());
        }

        boolean newestFirst() {
            return "desc".equals(values.getValue("order"));
        }

        List<String> texts(String name) {
            JsonArray array = (JsonArray) values.getValue(name);
            return array == null
                    ? List.of()
                    : array.stream().map(String.class::cast).toList();
        }

        List<Permission> permissions() {
            return texts("permissions").stream().map(Permission::ofWireName).toList();
        }

        @Nullable
        Instant timestamp(String name) {
            if (!(values.getValue(name) instanceof String text)) {
                return null; // absent, or no text and named already
            }
            try {
                // RFC 3339 has years of four digits; Java would read more, which PostgreSQL cannot keep.
                if (TIMESTAMP_START.matcher(text).matches() && !text.startsWith("0000")) {
                    return Instant.parse(text);
                }
            } catch (DateTimeException e) {
                // named below
            }
            violations.add(new Violation(name, "must be an RFC 3339 timestamp such as 2026-01-31T12:00:00Z"));
            return null;
        }

        @Nullable
        Long cursor() {
            if (!(values.getValue("cursor") instanceof String text)) {
                return null;
            }
            OptionalLong position = Cursor.decode(text);
            if (position.isPresent()) {
                return position.getAsLong();
            }
            if (violations.stream().noneMatch(violation -> violation.field().equals("cursor"))) {
                violations.add(new Violation("cursor", "must be the next_cursor of an earlier answer"));
            }
            return null;
        }
    }
}
