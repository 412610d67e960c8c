package com.cagen.quota.entry.bridge;

import com.cagen.quota.config.Config;
import io.vertx.core.http.ClientAuth;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.core.net.PemTrustOptions;
import java.nio.file.Path;
import java.util.Set;

/** TLS 1.2 and up, with clients' certificates where a CA for them is configured. */
final class BridgeTls {
    private BridgeTls() {}

    static void require(NetServerOptions options, Config.ServerTls tls) {
        options.setSsl(true)
                .setEnabledSecureTransportProtocols(Set.of("TLSv1.3", "TLSv1.2"))
                .setKeyCertOptions(new PemKeyCertOptions()
                        .setCertPath(tls.certificateFile().toString())
                        .setKeyPath(tls.keyFile().toString()));
        Path clients = tls.clientCaFile();
        if (clients != null) {
            options.setClientAuth(ClientAuth.REQUIRED)
                    .setTrustOptions(new PemTrustOptions().addCertPath(clients.toString()));
        }
    }
}
