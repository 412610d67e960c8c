package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.Shell;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The calls of docs/guide.md, one after the other: each does what the guide says, refusals included. */
class GuideIT {
    private static final Pattern BLOCK = Pattern.compile("```sh\n(.*?)```", Pattern.DOTALL);
    private static final Pattern REFUSED = Pattern.compile("^call .*# refused", Pattern.MULTILINE);
    /** Calls whose answers go to the shell's output; the others' are looked through for an id. */
    private static final Pattern SHOWN = Pattern.compile("^call ", Pattern.MULTILINE);

    @Test
    void everyCallDoesWhatTheGuideSays() throws Exception {
        String guide = Files.readString(Path.of("docs", "guide.md"));
        String script =
                BLOCK.matcher(guide).results().map(block -> block.group(1)).collect(Collectors.joining());
        try (RunningService service = new RunningService()) {
            Shell.Result result = Shell.run(script.replace("localhost:8080", service.base()));
            List<JsonObject> answers = result.output()
                    .lines()
                    .filter(line -> line.startsWith("{"))
                    .map(JsonObject::new)
                    .toList();
            assertThat(result.errors()).isEmpty();
            assertThat(answers)
                    .as(result.output())
                    .hasSize(Math.toIntExact(SHOWN.matcher(script).results().count()));
            assertThat(answers.stream()
                            .filter(answer -> !answer.getBoolean("success"))
                            .toList())
                    .as(result.output())
                    .hasSize(Math.toIntExact(REFUSED.matcher(script).results().count()))
                    .extracting(answer -> answer.getString("code"))
                    .containsExactly("insufficient_quota", "quota_suspended");
            JsonObject web = service.user("acme", "alice")
                    .get("/quotas?q=Web")
                    .list("quotas")
                    .get(0);
            assertThat(web.getLong("total_mb")).isEqualTo(2_500);
            assertThat(web.getLong("used_mb")).isEqualTo(430 + 50 + 320);
            assertThat(web.getLong("reserved_mb")).isZero();
        }
    }
}
