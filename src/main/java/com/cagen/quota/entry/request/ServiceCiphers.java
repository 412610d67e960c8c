package com.cagen.quota.entry.request;

import com.cagen.quota.config.CallingServices;
import com.cagen.quota.protocol.CredentialCipher;
import com.cagen.quota.protocol.OpenedCredential;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Opens the credentials of the services that may call at the moment. Not thread-safe: one for each event loop. */
final class ServiceCiphers {
    private final Supplier<CallingServices> current;
    private final Map<String, List<CredentialCipher>> ciphers = new HashMap<>();
    private @Nullable CallingServices known;

    ServiceCiphers(Supplier<CallingServices> current) {
        this.current = current;
    }

    /** @param service whose credential it is; null when it is nobody's */
    record Opened(OpenedCredential credential, CallingServices.@Nullable Service service) {}

    /** As {@link CredentialCipher#open}, with each key of the service. */
    Opened open(@Nullable String serviceId, @Nullable String encryptedData, long nowMillis) {
        CallingServices services = current.get();
        if (!services.equals(known)) {
            known = services;
            ciphers.clear();
        }
        CallingServices.Service service = services.find(serviceId);
        if (service != null) {
            for (CredentialCipher cipher : ciphers.computeIfAbsent(service.id(), ignored -> ciphersOf(service))) {
                OpenedCredential opened = cipher.open(serviceId, encryptedData, nowMillis);
                if (!(opened instanceof OpenedCredential.Invalid)) {
                    return new Opened(opened, service);
                }
            }
        }
        return new Opened(new OpenedCredential.Invalid(), null);
    }

    private static List<CredentialCipher> ciphersOf(CallingServices.Service service) {
        return service.keys().stream()
                .map(key ->
                        new CredentialCipher(service.id(), Base64.getDecoder().decode(key.reveal())))
                .toList();
    }
}
