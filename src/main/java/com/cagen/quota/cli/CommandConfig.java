package com.cagen.quota.cli;

import com.cagen.quota.config.Config;
import com.cagen.quota.config.ConfigLoader;
import com.cagen.quota.config.ConfigSources;
import com.cagen.quota.storage.sql.DatabaseUrl;
import java.nio.file.Path;

/** The configuration of the process, for commands that need one. */
final class CommandConfig {
    private CommandConfig() {}

    /**
     * The environment over {@code .env} over {@code conf/config.yaml}, where there are such files.
     *
     * @throws com.cagen.quota.config.ConfigException naming everything that is wrong
     */
    static Config read() {
        return ConfigLoader.load(
                ConfigSources.read(Path.of(""), System.getenv()),
                DatabaseUrl::parse,
                notice -> System.err.println(notice));
    }
}
