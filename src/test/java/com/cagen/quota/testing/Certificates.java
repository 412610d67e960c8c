package com.cagen.quota.testing;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.Base64;
import java.util.List;

/** Certificates for tests, made by the JDK's own keytool: each signs itself. */
public final class Certificates {
    private static final char[] PASSWORD = "changeit".toCharArray();

    private Certificates() {}

    /** The files of a certificate and its key. */
    public record Pem(Path certificate, Path key) {}

    /** Makes a key pair and a certificate for it, under {@code folder}. */
    public static Pem make(Path folder, String name)
            throws IOException, GeneralSecurityException, InterruptedException {
        Path store = folder.resolve(name + ".p12");
        Process keytool = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "keytool")
                                .toString(),
                        "-genkeypair",
                        "-alias",
                        name,
                        "-dname",
                        "CN=" + name,
                        "-keyalg",
                        "EC",
                        "-storetype",
                        "PKCS12",
                        "-keystore",
                        store.toString(),
                        "-storepass",
                        String.valueOf(PASSWORD))
                .redirectErrorStream(true)
                .start();
        String said = new String(keytool.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        if (keytool.waitFor() != 0) {
            throw new IOException(said);
        }
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(store)) {
            keys.load(in, PASSWORD);
        }
        Pem pem = new Pem(folder.resolve(name + ".pem"), folder.resolve(name + ".key"));
        write(pem.certificate(), "CERTIFICATE", keys.getCertificate(name).getEncoded());
        write(pem.key(), "PRIVATE KEY", keys.getKey(name, PASSWORD).getEncoded());
        return pem;
    }

    private static void write(Path file, String type, byte[] bytes) throws IOException {
        Files.write(
                file,
                List.of(
                        "-----BEGIN " + type + "-----",
                        Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(bytes),
                        "-----END " + type + "-----"));
    }

    /** One file that trusts all of these. */
    public static Path authority(Path folder, Pem... members) throws IOException {
        StringBuilder all = new StringBuilder();
        for (Pem member : members) {
            all.append(Files.readString(member.certificate()));
        }
        return Files.writeString(folder.resolve("ca.pem"), all);
    }
}
