package com.cagen.quota.storage.sql;

import com.cagen.quota.config.Secret;
import io.vertx.core.net.ClientSSLOptions;
import io.vertx.core.net.PemTrustOptions;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.SslMode;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * {@code postgresql://user:password@host:port/database?sslmode=…&sslrootcert=…}, the one form for the reactive client and for
 * the migrations' JDBC driver. Never prints its password, not even in an exception.
 *
 * @param sslMode one of libpq's names: disable, allow, prefer, require, verify-ca, verify-full
 * @param sslRootCert path of a PEM file, needed by the two verifying modes
 */
public record DatabaseUrl(
        String host,
        int port,
        String database,
        String user,
        Secret password,
        String sslMode,
        @Nullable String sslRootCert) {

    private static final Set<String> SSL_MODES =
            Set.of("disable", "allow", "prefer", "require", "verify-ca", "verify-full");

    /** @throws IllegalArgumentException saying what is wrong, without the URL's secret parts */
    public static DatabaseUrl parse(String url) {
        URI uri;
        try {
            uri = new URI(url);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException(
                    "is not a URL (percent-encode special characters in the password)"); // no cause: it prints the URL
        }
        if (!"postgresql".equals(uri.getScheme()) && !"postgres".equals(uri.getScheme())) {
            throw new IllegalArgumentException("must start with postgresql://");
        }
        String host = uri.getHost();
        if (host == null) {
            throw new IllegalArgumentException(
                    "names no single host (percent-encode special characters in the password)");
        }
        String path = uri.getRawPath() == null ? "" : uri.getRawPath();
        if (path.length() < 2 || path.indexOf('/', 1) >= 0) {
            throw new IllegalArgumentException("names no database after the host");
        }
        String userInfo = uri.getRawUserInfo() == null ? "" : uri.getRawUserInfo();
        int colon = userInfo.indexOf(':');
        String user = decode(colon < 0 ? userInfo : userInfo.substring(0, colon));
        if (user.isEmpty()) {
            throw new IllegalArgumentException("names no user");
        }
        Map<String, String> parameters = new HashMap<>();
        if (uri.getRawQuery() != null) {
            for (String pair : uri.getRawQuery().split("&", -1)) {
                int equals = pair.indexOf('=');
                if (equals > 0) {
                    parameters.put(pair.substring(0, equals), decode(pair.substring(equals + 1)));
                }
            }
        }
        String sslMode = parameters.getOrDefault("sslmode", "prefer");
        if (!SSL_MODES.contains(sslMode)) {
            throw new IllegalArgumentException("has an sslmode that is none of "
                    + SSL_MODES.stream().sorted().toList());
        }
        String rootCert = parameters.get("sslrootcert");
        if (sslMode.startsWith("verify") && rootCert == null) {
            throw new IllegalArgumentException("has sslmode=" + sslMode + " but no sslrootcert");
        }
        return new DatabaseUrl(
                host.startsWith("[") ? host.substring(1, host.length() - 1) : host,
                uri.getPort() < 0 ? 5432 : uri.getPort(),
                decode(path.substring(1)),
                user,
                new Secret(colon < 0 ? "" : decode(userInfo.substring(colon + 1))),
                sslMode,
                rootCert);
    }

    /** Percent-decoding alone: in a URL's user info a plus is a plus. */
    private static String decode(String text) {
        return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    }

    /** For the reactive client. {@code require} encrypts without verifying, as libpq does. */
    PgConnectOptions toPgConnectOptions() {
        SslMode mode = SslMode.of(sslMode);
        PgConnectOptions options = new PgConnectOptions()
                .setHost(host)
                .setPort(port)
                .setDatabase(database)
                .setUser(user)
                .setPassword(password.reveal())
                .setSslMode(mode);
        if (mode != SslMode.DISABLE) {
            ClientSSLOptions ssl = new ClientSSLOptions();
            if (sslRootCert == null) {
                ssl.setTrustAll(true).setHostnameVerificationAlgorithm("");
            } else {
                ssl.setTrustOptions(new PemTrustOptions().addCertPath(sslRootCert))
                        .setHostnameVerificationAlgorithm(mode == SslMode.VERIFY_FULL ? "HTTPS" : "");
            }
            options.setSslOptions(ssl);
        }
        return options;
    }

    /** For JDBC, with {@link #jdbcProperties}. */
    public String jdbcUrl() {
        String bracketed = host.indexOf(':') >= 0 ? "[" + host + "]" : host;
        return "jdbc:postgresql://" + bracketed + ":" + port + "/"
                + java.net.URLEncoder.encode(database, StandardCharsets.UTF_8);
    }

    /** User, password and TLS for JDBC. */
    public Properties jdbcProperties() {
        Properties properties = new Properties();
        properties.setProperty("user", user);
        properties.setProperty("password", password.reveal());
        properties.setProperty("sslmode", sslMode);
        if (sslRootCert != null) {
            properties.setProperty("sslrootcert", sslRootCert);
        }
        return properties;
    }
}
