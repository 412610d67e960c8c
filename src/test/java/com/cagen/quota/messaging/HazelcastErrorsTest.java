package com.cagen.quota.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.internal.serialization.SerializationClassNameFilter;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class HazelcastErrorsTest {
    /** The parts of Hazelcast that vertx-hazelcast uses, and what carries them. */
    private static final Pattern USED = Pattern.compile(
            "com/hazelcast/(core|cp|internal/cluster|internal/partition|map|memory|nio|partition|replicatedmap"
                    + "|spi/exception|splitbrainprotection)/.*(Exception|Error)\\.class");

    @Test
    void acceptsEachErrorThatAnotherMemberMaySend() throws Exception {
        SerializationClassNameFilter filter = new SerializationClassNameFilter(Cluster.errorsOnly());
        List<String> errors = errors();
        assertThat(errors).hasSizeGreaterThan(40);
        assertThat(errors).allSatisfy(filter::filter);
    }

    private static List<String> errors() throws Exception {
        List<String> errors = new ArrayList<>();
        File jar = new File(HazelcastInstance.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        try (JarFile entries = new JarFile(jar)) {
            for (var entry : (Iterable<java.util.jar.JarEntry>) entries.stream()::iterator) {
                if (USED.matcher(entry.getName()).matches()) {
                    String name = entry.getName().replace(".class", "").replace('/', '.');
                    Class<?> type = Class.forName(name, false, HazelcastErrorsTest.class.getClassLoader());
                    if (Throwable.class.isAssignableFrom(type)) {
                        errors.add(name);
                    }
                }
            }
        }
        return errors;
    }
}
