package com.cagen.quota.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.messaging.Addresses;
import com.cagen.quota.operations.Operations;
import com.cagen.quota.protocol.ErrorCode;
import com.cagen.quota.protocol.Permission;
import com.cagen.quota.protocol.QuotaType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** docs/event-bus.md says what the code does. */
class BusDocumentTest {
    private static final Pattern FAILURE =
            Pattern.compile("^\\| (\\d{5}) \\| `([a-z_0-9]+)` \\| (yes|no) \\|", Pattern.MULTILINE);
    private static final Pattern OPERATION =
            Pattern.compile("^\\| `(cagen\\.quota\\.v1\\.[a-z.]+)` \\| ([^|]+) \\|", Pattern.MULTILINE);
    private static final Pattern FIELD = Pattern.compile("`([a-z_]+)\\??`");
    private static final List<QuotaRequest<?>> REQUESTS = List.of(
            new QuotaRequest.CreateQuota("n", QuotaType.TEAM, 1),
            new QuotaRequest.AllocateQuota("q", "n", 1, QuotaType.TEAM, "t"),
            new QuotaRequest.ReleaseQuota("q"),
            new QuotaRequest.SuspendQuota("q", null),
            new QuotaRequest.ResumeQuota("q", null),
            new QuotaRequest.UpdateQuota("q")
                    .name("n")
                    .description(null)
                    .key("k")
                    .totalMb(1)
                    .drain(true)
                    .ifVersion(1),
            new QuotaRequest.TransferQuota("q", "p", 1),
            new QuotaRequest.MoveQuota("q", "p"),
            new QuotaRequest.ApplyTree("q", new QuotaTree(1L, List.of())),
            new QuotaRequest.ExportTree("q"),
            new QuotaRequest.GetQuota("q", Instant.EPOCH),
            new QuotaRequest.ListQuotas(1, 1),
            new QuotaRequest.ListTree("q", 1, "c", 1),
            new QuotaRequest.AllocateUsage("q", "r", 1, "why", 1L),
            new QuotaRequest.DeallocateUsage("q", "r", 1),
            new QuotaRequest.TransferUsage("q", "r", 1, "p", "s"),
            new QuotaRequest.ReconcileUsage("q", Map.of()),
            new QuotaRequest.BatchUsage(true, List.of()),
            new QuotaRequest.CreateIncrease("q", 1, "why"),
            new QuotaRequest.ListIncreases(null, null, null, 1),
            new QuotaRequest.GetIncrease("i"),
            new QuotaRequest.ApproveIncrease("i", null),
            new QuotaRequest.RejectIncrease("i", null),
            new QuotaRequest.WithdrawIncrease("i", null),
            new QuotaRequest.CreateReservation("q", "r", 1, 1),
            new QuotaRequest.CommitReservation("q", "v"),
            new QuotaRequest.CancelReservation("q", "v"),
            new QuotaRequest.ExtendReservation("q", "v", 1),
            new QuotaRequest.GetReservation("q", "v"),
            new QuotaRequest.ListReservations("q", null, 1),
            new QuotaRequest.UsageHistory("q", null, 1),
            new QuotaRequest.UsageOverTime("q", Instant.EPOCH, Instant.EPOCH, 1),
            new QuotaRequest.ListRuntimes(1, 1),
            new QuotaRequest.GrantPermission("q", "u", List.of(Permission.READ), Instant.EPOCH),
            new QuotaRequest.RevokePermission("q", "u", List.of(Permission.READ)),
            new QuotaRequest.ListPermissions("q", null, 1),
            new QuotaRequest.ListAudit("q", null, 1));

    private final String document;

    BusDocumentTest() throws IOException {
        document = Files.readString(Path.of("docs", "event-bus.md"));
    }

    private record Row(int failureCode, String code, boolean repeat) {}

    @Test
    void showsTheExampleThatTestsJoinTheClusterWith() throws IOException {
        String example = Files.readString(
                Path.of("src", "test", "java", "com", "cagen", "quota", "examples", "ClusterMember.java"));
        String methods = example.substring(example.indexOf("    /** Joins"), example.lastIndexOf('}'));
        assertThat(document).contains(methods.stripTrailing().stripIndent());
    }

    @Test
    void listsEveryFailureCodeAndNoOther() {
        assertThat(FAILURE.matcher(document)
                        .results()
                        .map(row -> new Row(
                                Integer.parseInt(row.group(1)),
                                row.group(2),
                                row.group(3).equals("yes"))))
                .containsExactlyElementsOf(Arrays.stream(ErrorCode.values())
                        .map(code -> new Row(code.busFailureCode(), code.wireName(), code.retryable()))
                        .toList());
    }

    @Test
    void listsEveryOperationWithItsFields() {
        Map<String, Set<String>> documented = OPERATION
                .matcher(document)
                .results()
                .collect(Collectors.toMap(row -> row.group(1), row -> FIELD.matcher(row.group(2))
                        .results()
                        .map(field -> field.group(1))
                        .collect(Collectors.toCollection(TreeSet::new))));
        assertThat(documented.keySet())
                .isEqualTo(
                        Operations.CATALOG.names().stream().map(Addresses::of).collect(Collectors.toSet()));
        // The client's records have the fields; its own test sends each to the service.
        assertThat(documented)
                .isEqualTo(REQUESTS.stream()
                        .collect(Collectors.toMap(
                                request -> "cagen.quota.v1." + request.operation(),
                                request -> new TreeSet<>(request.fields().fieldNames()))));
    }

    @Test
    void theClientKnowsWhichOperationsChangeSomething() {
        assertThat(REQUESTS.stream()
                        .collect(Collectors.toMap(
                                QuotaRequest::operation, request -> request instanceof QuotaRequest.Change<?>)))
                .isEqualTo(Operations.CATALOG.offered().stream()
                        .collect(Collectors.toMap(
                                operation -> operation.name().text(),
                                operation -> operation.name().change())));
    }

    @Test
    void showsTheCodeThatTheBridgesTestRuns() throws IOException {
        Path folder = Path.of("src", "test", "node");
        assertThat(Pattern.compile("```js\n(.*?)```", Pattern.DOTALL)
                        .matcher(document)
                        .results()
                        .map((MatchResult block) -> block.group(1)))
                .contains(
                        Files.readString(folder.resolve("credential.js")),
                        Files.readString(folder.resolve("events.js")));
    }
}
