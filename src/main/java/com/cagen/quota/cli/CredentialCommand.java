package com.cagen.quota.cli;

import com.cagen.quota.config.CallingServices;
import com.cagen.quota.config.Config;
import com.cagen.quota.config.ConfigException;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.CredentialCipher;
import io.vertx.core.json.JsonObject;
import java.util.Base64;
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

    @Option(names = "--service", description = "A service of SERVICES_FILE; else QUOTA_SERVICE_ID.")
    private String service = "";

    @Option(names = "--team", description = "A team of the user; may be repeated.")
    private List<String> teams = List.of();

    @Option(names = "--json", description = "Prints the fields of a body instead of an Authorization header's value.")
    private boolean json;

    @Override
    public Integer call() {
        Config config = CommandConfig.read();
        String id = service.isEmpty() ? config.serviceId() : service;
        CallingServices.Service calling = CallingServices.of(config).find(id);
        if (calling == null) {
            throw new ConfigException(List.of("--service=" + id + " is neither QUOTA_SERVICE_ID nor in SERVICES_FILE"));
        }
        byte[] key = Base64.getDecoder().decode(calling.keys().get(0).reveal());
        String sealed = new CredentialCipher(id, key)
                .seal(new Caller(organization, user, id, teams), System.currentTimeMillis());
        System.out.println(
                json
                        ? new JsonObject()
                                .put("service_id", id)
                                .put("encrypted_data", sealed)
                                .encode()
                        : "Cagen " + id + ":" + sealed);
        return 0;
    }
}
