package com.cagen.quota.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.cagen.quota.testing.RunningService;
import com.cagen.quota.testing.Shell;
import com.cagen.quota.testing.User;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The README's quick start, word for word but for the port, does what the README says. */
@Tag("engine-independent")
class QuickStartIT {
    private static final Pattern BLOCK =
            Pattern.compile("## Quick start\n.*?```sh\n(.*?)```(.*?)\n## ", Pattern.DOTALL);
    private static final Pattern PROMISE = Pattern.compile("(\\d+) MB asked for, (\\d+) MB available");

    @Test
    void keepsItsPromises() throws Exception {
        Matcher readme = BLOCK.matcher(Files.readString(Path.of("README.md")));
        assertThat(readme.find()).as("README.md has its quick start").isTrue();
        Matcher promise = PROMISE.matcher(readme.group(2));
        assertThat(promise.find()).as("README.md says what comes of it").isTrue();
        long asked = Long.parseLong(promise.group(1));
        long available = Long.parseLong(promise.group(2));
        try (RunningService service = new RunningService()) {
            String script = readme.group(1);
            assertThat(script).contains("localhost:8080");
            Shell.Result result = Shell.run(script.replace("http://localhost:8080", "localhost:8080")
                    .replace("localhost:8080", service.base()));
            List<JsonObject> answers = result.output()
                    .lines()
                    .filter(line -> line.startsWith("{"))
                    .map(JsonObject::new)
                    .toList();
            assertThat(result.errors()).isEmpty();
            assertThat(answers).as(result.output()).hasSize(6);
            assertThat(answers.get(0).getJsonObject("data").getLong("used_mb")).isEqualTo(100);
            assertThat(answers.get(1).getBoolean("success")).isTrue();
            JsonObject refusal = answers.get(2);
            assertThat(refusal.getString("code")).isEqualTo("insufficient_quota");
            assertThat(refusal.getJsonObject("details").getLong("requested_mb")).isEqualTo(asked);
            assertThat(refusal.getJsonObject("details").getLong("available_mb")).isEqualTo(available);
            JsonObject committed = answers.get(3).getJsonObject("data");
            assertThat(committed.getString("status")).isEqualTo("committed");
            assertThat(committed.getLong("committed_mb")).isEqualTo(420);
            JsonObject resized = answers.get(4).getJsonObject("data");
            assertThat(resized.getLong("total_mb")).isEqualTo(6_000);
            assertThat(resized.getLong("used_mb")).isEqualTo(520);
            assertThat(answers.get(5).getJsonObject("data").getJsonArray("entries"))
                    .isNotEmpty();

            // The trail follows a moment later: what is not in the script's last answer is in the next.
            User alice = service.user("acme", "alice");
            String team = refusal.getJsonObject("details").getString("quota_id");
            assertThat(alice.audit(team))
                    .extracting(entry -> entry.getString("action") + " " + entry.getString("outcome"))
                    .containsExactly(
                            "quota.allocate applied",
                            "usage.allocate applied",
                            "permission.grant applied",
                            "usage.allocate refused",
                            "reservation.create applied",
                            "reservation.commit applied",
                            "quota.update applied");
        }
    }
}
