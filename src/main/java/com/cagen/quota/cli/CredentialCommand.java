package com.cagen.quota.cli;

import com.cagen.quota.config.Config;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Prints one credential. */
@Command(name = "credential", description = "Mints a credential from the key in the environment.")
final class CredentialCommand implements Callable<Integer> {
    @Option(names = "--user", required = true, description = "The user to vouch for.")
    private String user = "";

    @Option(names = "--organization", required = true, description = "The user's organization.")
    private String organization = "";

    @Option(names = "--team", description = "A team of the user; may be repeated.")
    private List<String> teams = List.of();

    @Option(names = "--json", description = "Prints the fields of a body instead of an Authorization header's value.")
    private boolean json;

    @Override
    public Integer call() {
        Config config = CommandConfig.read();
        CredentialCipher credentials = new CredentialCipher(config.serviceId(), config.key());
        String sealed =
                credentials.seal(new Caller(organization, user, config.serviceId(), teams), System.currentTimeMillis());
        System.out.println(
                json
                        ? new JsonObject()
                                .put("service_id", config.serviceId())
                                .put("encrypted_data", sealed)
                                .encode()
                        : "Cagen " + config.serviceId() + ":" + sealed);
        return 0;
    }
}
