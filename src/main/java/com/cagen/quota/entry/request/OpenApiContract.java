package com.cagen.quota.entry.request;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.openapi.contract.OpenAPIContract;
import io.vertx.openapi.contract.Operation;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/** The OpenAPI document: the source of truth for fields and limits. Loaded once, immutable, shared by all event loops. */
public final class OpenApiContract {
    private static final String PATH = "openapi.yaml";

    private final OpenAPIContract document;
    private final Buffer yaml;
    private final Map<String, RequestSchema> requests = new HashMap<>();

    private OpenApiContract(OpenAPIContract document, Buffer yaml) {
        this.document = document;
        this.yaml = yaml;
        requestFields().forEach((id, fields) -> requests.put(id, new RequestSchema(fields)));
    }

    /** Loads the document from the class path and checks that it is valid OpenAPI. */
    public static Future<OpenApiContract> load(Vertx vertx) {
        return OpenAPIContract.from(vertx, PATH)
                .compose(
                        document -> vertx.fileSystem().readFile(PATH).map(yaml -> new OpenApiContract(document, yaml)));
    }

    /** The document as it was written. */
    public Buffer yaml() {
        return yaml;
    }

    /** The document as JSON, its references as they were written: resolved, it is ten times as long. */
    public JsonObject json() {
        return new JsonObject(
                new Yaml(new SafeConstructor(new LoaderOptions())).<Map<String, Object>>load(yaml.toString()));
    }

    /** The document with its references resolved. */
    public JsonObject resolved() {
        return plain(document.getRawContract());
    }

    /** The request schemas of every operation, by operationId. */
    Map<String, RequestSchema> requests() {
        return requests;
    }

    /** The operationIds and what {@link #requests} is compiled from. */
    Map<String, JsonObject> requestFields() {
        Map<String, JsonObject> fields = new LinkedHashMap<>();
        document.operations().forEach(operation -> fields.put(operation.getOperationId(), fields(operation)));
        return fields;
    }

    /** An object schema over everything that the path, the query and the body of an operation may hold. */
    private static JsonObject fields(Operation operation) {
        JsonObject properties = new JsonObject();
        JsonArray required = new JsonArray();
        JsonArray query = new JsonArray();
        JsonObject raw = plain(operation.getOpenAPIModel());
        JsonObject content =
                raw.getJsonObject("requestBody", new JsonObject()).getJsonObject("content", new JsonObject());
        JsonObject body =
                content.getJsonObject("application/json", new JsonObject()).getJsonObject("schema", new JsonObject());
        properties.mergeIn(body.getJsonObject("properties", new JsonObject()));
        required.addAll(body.getJsonArray("required", new JsonArray()));
        // After the body, so that a field of that name there does not hide them.
        for (Object each : raw.getJsonArray("parameters", new JsonArray())) {
            JsonObject parameter = (JsonObject) each;
            String name = parameter.getString("name");
            if (!"header".equals(parameter.getString("in"))) {
                properties.put(name, parameter.getJsonObject("schema"));
                if (parameter.getBoolean("required", false)) {
                    required.add(name);
                }
            }
            if ("query".equals(parameter.getString("in"))) {
                query.add(name);
            }
        }
        // Credentials are opened before, and their failures are all alike.
        properties.remove("service_id");
        properties.remove("encrypted_data");
        return new JsonObject()
                .put("type", "object")
                .put("properties", properties)
                .put("required", required)
                .put("x-query", query);
    }

    /** A copy without the marks that resolving references leaves behind. */
    private static JsonObject plain(JsonObject object) {
        JsonObject copy = new JsonObject();
        for (String key : new LinkedHashMap<>(object.getMap()).keySet()) {
            if (!key.startsWith("__")) {
                copy.put(key, plain(object.getValue(key)));
            }
        }
        return copy;
    }

    private static Object plain(Object value) {
        if (value instanceof JsonObject object) {
            return plain(object);
        }
        if (value instanceof JsonArray array) {
            JsonArray copy = new JsonArray();
            array.forEach(element -> copy.add(plain(element)));
            return copy;
        }
        return value;
    }
}
