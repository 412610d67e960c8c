package com.cagen.quota;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.time.Clock;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Packages are rooms with one door each; dependencies point down only. */
class ArchitectureTest {
    private static final String BASE = "com.cagen.quota";

    /** What each package may use of ours. The base package itself, the composition root, may use everything. */
    private static final Map<String, Set<String>> MAY_USE = Map.ofEntries(
            Map.entry("http", Set.of("bus", "api", "operations", "engine", "credential", "domain", "config")),
            Map.entry("gateway", Set.of("bus", "api", "operations", "engine", "credential", "domain", "config")),
            Map.entry("bridge", Set.of("bus", "api", "operations", "engine", "credential", "domain", "config")),
            Map.entry("operations", Set.of("engine", "storage", "domain")),
            // Other services' verticles take this one along: it must not draw in the rest.
            Map.entry("client", Set.of("credential", "domain")),
            Map.entry("auth", Set.of("bus", "storage", "credential", "domain", "config")),
            Map.entry("engine", Set.of("bus", "storage", "domain", "config")),
            Map.entry("audit", Set.of("bus", "storage", "domain", "config")),
            Map.entry("metrics", Set.of("storage")),
            Map.entry("bus", Set.of("domain", "config")),
            Map.entry("api", Set.of("engine", "credential", "domain")),
            Map.entry("storage", Set.of("config", "domain")),
            Map.entry("credential", Set.of("domain")),
            Map.entry("config", Set.of()),
            Map.entry("domain", Set.of()));

    private static final JavaClasses OURS = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages(BASE);

    /** Rules about nothing always hold: this shows that they are about something. */
    @Test
    void seesEveryPackageAndEnoughClasses() {
        assertThat(OURS.size()).isGreaterThan(60);
        Set<String> packages = new TreeSet<>();
        for (JavaClass each : OURS) {
            packages.add(room(each.getPackageName()));
        }
        packages.remove("");
        assertThat(packages).containsExactlyInAnyOrderElementsOf(MAY_USE.keySet());
    }

    @Test
    void letsDependenciesPointDownOnly() {
        MAY_USE.forEach((room, allowed) -> {
            Set<String> forbidden = new TreeSet<>(MAY_USE.keySet());
            forbidden.remove(room);
            forbidden.removeAll(allowed);
            String[] packages =
                    forbidden.stream().map(name -> BASE + "." + name + "..").toArray(String[]::new);
            noClasses()
                    .that()
                    .resideInAPackage(BASE + "." + room + "..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(packages)
                    .orShould()
                    .dependOnClassesThat()
                    .resideInAPackage(BASE)
                    .check(OURS);
        });
    }

    @Test
    void keepsTheDomainFreeOfEveryLibrary() {
        classes()
                .that()
                .resideInAPackage(BASE + ".domain..")
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage("java..", "org.jspecify..", BASE + ".domain..")
                .check(OURS);
    }

    @Test
    void keepsClocksAndIdsOutOfTheDomain() {
        noClasses()
                .that()
                .resideInAPackage(BASE + ".domain..")
                .should()
                .callMethod(Instant.class, "now")
                .orShould()
                .callMethod(System.class, "currentTimeMillis")
                .orShould()
                .callMethod(UUID.class, "randomUUID")
                .orShould()
                .dependOnClassesThat()
                .areAssignableTo(Clock.class)
                .check(OURS);
    }

    /** An operation decides from rows: it neither runs transactions nor sends messages. */
    @Test
    void keepsTransactionsOutOfTheOperations() {
        noClasses()
                .that()
                .resideInAPackage(BASE + ".operations..")
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName(BASE + ".storage.Database")
                .orShould()
                .callMethod(Instant.class, "now")
                .check(OURS);
    }

    /** Operations are known by their own classes and by the registry alone. */
    @Test
    void letsOnlyTheRegistryNameOperations() {
        noClasses()
                .that()
                .resideOutsideOfPackage(BASE + ".operations..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        BASE + ".operations.quota..",
                        BASE + ".operations.usage..",
                        BASE + ".operations.permission..",
                        BASE + ".operations.audit..")
                .check(OURS);
    }

    @Test
    void letsOnlyTheBusPackageTouchTheEventBus() {
        noClasses()
                .that()
                .resideOutsideOfPackages(BASE + ".bus..", BASE + ".client..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.vertx.core.eventbus..")
                .check(OURS);
    }

    @Test
    void keepsSqlWhereItBelongs() {
        noClasses()
                .that()
                .resideOutsideOfPackages(BASE + ".storage..", BASE + ".engine..", BASE + ".audit..", BASE + ".auth..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.vertx.sqlclient..", "io.vertx.pgclient..", "java.sql..", "org.postgresql..")
                .check(OURS);
    }

    /** {@code http} for {@code com.cagen.quota.http.anything}; empty for the base package. */
    private static String room(String packageName) {
        String below = packageName.substring(BASE.length());
        return below.isEmpty() ? "" : below.substring(1).replaceFirst("\\..*", "");
    }
}
