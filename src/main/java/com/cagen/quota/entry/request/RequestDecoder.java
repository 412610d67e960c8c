package com.cagen.quota.entry.request;

import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.domain.request.Violation;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.Operation;
import io.vertx.core.MultiMap;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;

/** Makes typed operations of the fields that came with a request. Immutable. */
public final class RequestDecoder {
    private static final Pattern INTEGER = Pattern.compile("0|-?[1-9][0-9]{0,17}");

    private final Map<String, RequestSchema> schemas;

    public RequestDecoder(OpenApiContract contract) {
        this.schemas = contract.requests();
    }

    private RequestSchema schema(String operationId) {
        return Objects.requireNonNull(schemas.get(operationId), operationId);
    }

    /**
     * Copies the fields of a query into {@code fields}, integers parsed. What is no integer stays text, and what is there
     * twice becomes a list: {@link #decode} refuses both, after the credential was looked at.
     */
    public void takeQuery(Operation<?> operation, MultiMap query, JsonObject fields) {
        RequestSchema schema = schema(operation.name().text());
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

    /** Whether an operation has a field of this name. */
    public boolean takes(Operation<?> operation, String field) {
        return schema(operation.name().text()).has(field);
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
     * Decodes the fields of an operation.
     *
     * @param fields of path, query and body, and {@code idempotency_key} wherever it came from; unknown ones are ignored
     * @param organizationId the credential's, which a field of that name must not contradict
     * @throws RefusalException {@code invalid_request}, with every violation
     */
    public Input decode(Operation<?> operation, JsonObject fields, String organizationId) {
        List<Violation> violations =
                new ArrayList<>(schema(operation.name().text()).check(fields));
        Object claimed = fields.getValue("organization_id");
        if (claimed != null && !claimed.equals(organizationId)) {
            violations.removeIf(violation -> violation.field().equals("organization_id"));
            violations.add(new Violation("organization_id", "must be the credential's organization, or absent"));
        }
        Fields read = new Fields(fields, violations);
        operation.check(read);
        if (!violations.isEmpty()) {
            throw Violation.refuse(violations);
        }
        return operation.decode(read);
    }
}
