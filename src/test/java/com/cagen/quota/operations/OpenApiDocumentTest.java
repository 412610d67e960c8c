package com.cagen.quota.operations;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.testing.ContractChecker;
import com.cagen.quota.testing.Contracts;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The registry and the OpenAPI document agree on where each operation is found over HTTP. */
class OpenApiDocumentTest {
    private static final String BASE = "/api/v1";
    private static final Pattern PARAMETER = Pattern.compile(":([a-z_]+)");
    private static final List<HttpMethod> METHODS =
            List.of(HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH, HttpMethod.DELETE);

    /** Answered by a node for everybody, without a credential: no operation of the registry. */
    private static final Set<String> WITHOUT_OPERATION = Set.of("audit.key");

    private final JsonObject paths = Contracts.contract().resolved().getJsonObject("paths");

    /** An operation's first route has its name; another one has the method's added, as in {@code quota.release.delete}. */
    @Test
    void findsEachOperationWhereTheDocumentDoes() {
        Map<String, String> routes = new TreeMap<>();
        for (Operation<?> operation : Operations.CATALOG.all()) {
            String name = operation.name().text();
            for (HttpRoute route : operation.routes()) {
                String method = route.method().name().toLowerCase(Locale.ROOT);
                String id = route.equals(operation.routes().get(0)) ? name : name + "." + method;
                routes.put(method + " " + documented(route), id);
            }
        }
        Map<String, String> document = new TreeMap<>();
        for (String path : paths.fieldNames()) {
            for (HttpMethod each : METHODS) {
                String method = each.name().toLowerCase(Locale.ROOT);
                JsonObject operation = paths.getJsonObject(path).getJsonObject(method);
                if (path.startsWith(BASE + "/") && operation != null) {
                    document.put(method + " " + path, operation.getString("operationId"));
                }
            }
        }
        document.values().removeAll(WITHOUT_OPERATION);
        assertThat(routes).isEqualTo(document);
    }

    @Test
    void hasThePathParametersAndTheStatusOfTheDocument() {
        for (Operation<?> operation : Operations.CATALOG.all()) {
            for (HttpRoute route : operation.routes()) {
                JsonObject described = paths.getJsonObject(documented(route))
                        .getJsonObject(route.method().name().toLowerCase(Locale.ROOT));
                List<String> documented = described.getJsonArray("parameters", new JsonArray()).stream()
                        .map(JsonObject.class::cast)
                        .filter(parameter -> "path".equals(parameter.getString("in")))
                        .map(parameter -> parameter.getString("name"))
                        .toList();
                assertThat(PARAMETER.matcher(route.path()).results().map((MatchResult found) -> found.group(1)))
                        .as("path parameters of %s", route)
                        .containsExactlyInAnyOrderElementsOf(documented);
                assertThat(described.getJsonObject("responses").fieldNames().stream()
                                .filter(status -> status.startsWith("2")))
                        .as("success of %s", route)
                        .containsExactly(String.valueOf(route.successStatus()));
            }
        }
    }

    @Test
    void hasExamplesThatConform() {
        ContractChecker checker = new ContractChecker();
        for (Operation<?> operation : Operations.CATALOG.all()) {
            for (HttpRoute route : operation.routes()) {
                String path = documented(route);
                String method = route.method().name().toLowerCase(Locale.ROOT);
                JsonObject described = paths.getJsonObject(path).getJsonObject(method);
                if (described.containsKey("requestBody")) {
                    JsonObject body = json(described.getJsonObject("requestBody"));
                    assertThat(body.containsKey("example"))
                            .as("request of %s", route)
                            .isTrue();
                    checker.validate(
                            body.getJsonObject("schema"),
                            "request of " + route,
                            body.getJsonObject("example"),
                            "example of " + route);
                }
                int status = route.successStatus();
                JsonObject answer = json(described.getJsonObject("responses").getJsonObject(String.valueOf(status)));
                assertThat(answer.containsKey("example"))
                        .as("answer of %s", route)
                        .isTrue();
                checker.check(
                        route.method().name(),
                        path,
                        status,
                        answer.getJsonObject("example").encode());
            }
        }
    }

    private static JsonObject json(JsonObject described) {
        return described.getJsonObject("content").getJsonObject("application/json");
    }

    /** The route's path as the document writes it. */
    private static String documented(HttpRoute route) {
        return BASE + PARAMETER.matcher(route.path()).replaceAll("{$1}");
    }
}
