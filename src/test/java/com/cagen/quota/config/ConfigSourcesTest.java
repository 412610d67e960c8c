package com.cagen.quota.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.cagen.quota.storage.sql.DatabaseUrl;
import com.cagen.quota.testing.TestConfig;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.yaml.snakeyaml.Yaml;

class ConfigSourcesTest {
    @TempDir
    Path folder;

    private void yaml(String text) throws Exception {
        Files.createDirectories(folder.resolve("conf"));
        Files.writeString(folder.resolve("conf/config.yaml"), text);
    }

    @Test
    void letsTheEnvironmentOverDotenvOverTheFile() throws Exception {
        yaml("PORT: 1\nLANES: 2\nMAX_BATCH: 3\nALLOWED_ORIGINS: [https://a.example, https://b.example]\n");
        Files.writeString(folder.resolve(".env"), "LANES=20\nMAX_BATCH=30\n");
        assertThat(ConfigSources.read(folder, Map.of("MAX_BATCH", "300", "LANES", "", "QUOTA_SERVICE_ID", "00123")))
                .containsEntry("PORT", "1")
                .containsEntry("LANES", "20")
                .containsEntry("MAX_BATCH", "300")
                .containsEntry("QUOTA_SERVICE_ID", "00123")
                .containsEntry("ALLOWED_ORIGINS", "https://a.example,https://b.example");
    }

    @Test
    void needsNoFile() {
        assertThat(ConfigSources.read(folder, Map.of("PORT", "1"))).containsExactly(Map.entry("PORT", "1"));
    }

    @Test
    void namesASettingOfTheFileThatDoesNotExist() throws Exception {
        yaml("PROT: 1\n");
        assertThatThrownBy(() -> ConfigSources.read(folder, Map.of()))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("PROT in conf/config.yaml");
    }

    @Test
    void refusesAFileThatIsNoYamlWithoutQuotingIt() throws Exception {
        yaml("CAGEN_QUOTA_SERVICE_SECRET_KEY: [hunter2\n");
        assertThatThrownBy(() -> ConfigSources.read(folder, Map.of()))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("conf/config.yaml")
                .hasMessageNotContaining("hunter2")
                .hasNoCause();
    }

    @Test
    void shipsAFileThatHoldsTheDefaults() {
        Map<String, String> key = Map.of("CAGEN_QUOTA_SERVICE_SECRET_KEY", "A".repeat(43) + "=");
        Map<String, String> shipped = ConfigSources.read(Path.of(""), key);
        assertThat(shipped).containsKey("MAX_BATCH");
        assertThat(ConfigLoader.load(shipped, url -> {}, said -> {}))
                .isEqualTo(ConfigLoader.load(key, url -> {}, said -> {}));
    }

    /** What a service of docker-compose.yml gets, once the variables of {@code .env} are in their places. */
    @Test
    void shipsAComposeFileWhoseSettingsAreAccepted() throws Exception {
        Map<String, Object> file = new Yaml().load(Files.readString(Path.of("docker-compose.yml")));
        JsonObject services = new JsonObject(file).getJsonObject("services");
        int nodes = 0;
        for (String each : services.fieldNames()) {
            JsonObject service = services.getJsonObject(each);
            if ("cagen-quota".equals(service.getString("image"))) {
                Map<String, String> settings = new HashMap<>();
                service.getJsonObject("environment")
                        .forEach(entry -> settings.put(
                                entry.getKey(),
                                String.valueOf(entry.getValue())
                                        .replaceAll("\\$\\{CAGEN_QUOTA_SERVICE_SECRET_KEY[^}]*}", TestConfig.KEY)
                                        .replaceAll("\\$\\{POSTGRES_PASSWORD[^}]*}", "secret")
                                        .replaceAll("\\$\\{[A-Z_]+:-([^}]*)}", "$1")));
                Config config = ConfigLoader.load(settings, DatabaseUrl::parse, said -> {});
                assertThat(config.environment()).isEqualTo(Config.Environment.PRODUCTION);
                nodes++;
            }
        }
        assertThat(nodes).isEqualTo(5);
    }

    @Test
    void documentsEverySettingInBothFiles() throws Exception {
        for (String file : new String[] {"conf/config.yaml", ".env.example"}) {
            assertThat(Pattern.compile("(?m)^(?:# ?)?([A-Z_]+)[:=]")
                            .matcher(Files.readString(Path.of(file)))
                            .results()
                            .map(match -> match.group(1))
                            .filter(name -> !name.equals("POSTGRES_PASSWORD"))
                            .collect(Collectors.toSet()))
                    .as(file)
                    .isEqualTo(Settings.NAMES);
        }
    }
}
