package com.cagen.quota;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
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

    /**
     * The packages, from the top down, and what each may use of ours. The entry point uses {@code cli} alone. A name that
     * ends with a dot stands for the packages below it, too.
     */
    private static final Map<String, Set<String>> MAY_USE = Map.ofEntries(
            Map.entry(
                    "cli",
                    Set.of(
                            "node",
                            "auth.builtin",
                            "audit",
                            "storage.embedded",
                            "storage.schema",
                            "storage.sql",
                            "config",
                            "domain.",
                            "protocol")),
            Map.entry(
                    "node",
                    Set.of(
                            "entry.",
                            "operations.",
                            "engine.",
                            "messaging",
                            "auth",
                            "auth.builtin",
                            "audit",
                            "metrics",
                            "upkeep",
                            "storage.",
                            "config",
                            "domain.",
                            "protocol")),
            Map.entry(
                    "entry.http",
                    Set.of("entry.request", "operations.", "engine.", "messaging", "config", "domain.", "protocol")),
            Map.entry(
                    "entry.bus",
                    Set.of("entry.request", "operations.", "engine.", "messaging", "config", "domain.", "protocol")),
            Map.entry(
                    "entry.bridge",
                    Set.of("entry.request", "operations.", "engine.", "messaging", "config", "domain.", "protocol")),
            Map.entry("entry.request", Set.of("engine.", "config", "domain.", "protocol")),
            Map.entry("operations.", Set.of("engine.", "storage.rows", "storage.sql", "domain.", "protocol")),
            Map.entry("engine.", Set.of("messaging", "storage.rows", "storage.sql", "config", "domain.", "protocol")),
            Map.entry("audit", Set.of("messaging", "storage.rows", "storage.sql", "config", "domain.")),
            Map.entry(
                    "auth",
                    Set.of(
                            "auth.client",
                            "delivery",
                            "messaging",
                            "storage.rows",
                            "storage.sql",
                            "config",
                            "domain.",
                            "protocol")),
            Map.entry(
                    "delivery", Set.of("auth.client", "storage.rows", "storage.sql", "config", "domain.", "protocol")),
            Map.entry("auth.client", Set.of("config", "domain.", "protocol")),
            Map.entry("auth.builtin", Set.of("storage.rows", "storage.sql", "config", "domain.", "protocol")),
            Map.entry("upkeep", Set.of("messaging", "storage.rows", "storage.sql", "engine.", "domain.", "protocol")),
            Map.entry("metrics", Set.of("storage.rows", "storage.sql")),
            Map.entry("messaging", Set.of("config", "domain.", "protocol")),
            Map.entry("storage.rows", Set.of("storage.sql", "domain.", "protocol")),
            Map.entry("storage.schema", Set.of("storage.sql", "config")),
            Map.entry("storage.embedded", Set.of("storage.sql", "config")),
            Map.entry("storage.sql", Set.of("config", "domain.", "protocol")),
            Map.entry("config", Set.of()),
            Map.entry("domain.", Set.of("protocol")),
            // Other services' verticles take the client along: it must not draw in the rest.
            Map.entry("client", Set.of("protocol")),
            Map.entry("protocol", Set.of()));

    private static final JavaClasses OURS = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages(BASE);

    /** Two classes that use each other cannot be understood, or tested, one after the other. */
    @Test
    void hasNoCirclesBetweenClasses() {
        slices().assignedFrom(TOP_LEVEL_CLASSES).should().beFreeOfCycles().check(OURS);
    }

    /** Rules about nothing always hold: this shows that they are about something. */
    @Test
    void seesEveryPackageAndEnoughClasses() {
        assertThat(OURS.size()).isGreaterThan(60);
        Set<String> rooms = new TreeSet<>();
        for (JavaClass each : OURS) {
            rooms.add(room(each));
        }
        rooms.remove("");
        assertThat(rooms).containsExactlyInAnyOrderElementsOf(MAY_USE.keySet());
    }

    @Test
    void letsDependenciesPointDownOnly() {
        MAY_USE.forEach((room, allowed) -> {
            Set<String> forbidden = new TreeSet<>(MAY_USE.keySet());
            forbidden.add("");
            forbidden.remove(room);
            forbidden.removeIf(other -> allowed.stream()
                    .anyMatch(name -> other.equals(name) || (name.endsWith(".") && other.startsWith(name))));
            noClasses()
                    .that(areIn(Set.of(room)))
                    .should()
                    .dependOnClassesThat(areIn(forbidden))
                    .check(OURS);
        });
        noClasses()
                .that(areIn(Set.of("")))
                .should()
                .dependOnClassesThat(areIn(without("cli")))
                .check(OURS);
    }

    @Test
    void keepsTheDomainFreeOfEveryLibrary() {
        classes()
                .that()
                .resideInAPackage(BASE + ".domain..")
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage("java..", "org.jspecify..", BASE + ".domain..", BASE + ".protocol..")
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
                .haveFullyQualifiedName(BASE + ".storage.sql.Database")
                .orShould()
                .callMethod(Instant.class, "now")
                .check(OURS);
    }

    /** Every node decides by the clock of the database: what expires, expires at one moment everywhere. */
    @Test
    void keepsTheClockOfTheNodeOutOfTheEngine() {
        noClasses()
                .that()
                .resideInAPackage(BASE + ".engine..")
                .should()
                .callMethod(Instant.class, "now")
                .orShould()
                .callMethod(System.class, "currentTimeMillis")
                .orShould()
                .dependOnClassesThat()
                .areAssignableTo(Clock.class)
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
                        BASE + ".operations.reservation..",
                        BASE + ".operations.increase..",
                        BASE + ".operations.permission..",
                        BASE + ".operations.audit..")
                .check(OURS);
    }

    @Test
    void letsOnlyMessagingTouchTheEventBus() {
        noClasses()
                .that()
                .resideOutsideOfPackages(BASE + ".messaging..", BASE + ".client..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.vertx.core.eventbus..")
                .check(OURS);
    }

    @Test
    void keepsSqlWhereItBelongs() {
        noClasses()
                .that()
                .resideOutsideOfPackages(
                        BASE + ".storage..",
                        BASE + ".engine..",
                        BASE + ".audit..",
                        BASE + ".auth..",
                        BASE + ".delivery..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.vertx.sqlclient..", "io.vertx.pgclient..", "java.sql..", "org.postgresql..")
                .check(OURS);
    }

    private static Set<String> without(String room) {
        Set<String> rooms = new TreeSet<>(MAY_USE.keySet());
        rooms.remove(room);
        return rooms;
    }

    private static DescribedPredicate<JavaClass> areIn(Set<String> rooms) {
        return DescribedPredicate.describe("are in " + rooms, each -> isOurs(each) && rooms.contains(room(each)));
    }

    private static boolean isOurs(JavaClass each) {
        return each.getPackageName().equals(BASE) || each.getPackageName().startsWith(BASE + ".");
    }

    /** The key of {@link #MAY_USE} that a class belongs to; empty for the base package. */
    private static String room(JavaClass each) {
        String below = each.getPackageName().substring(BASE.length()).replaceFirst("^\\.", "");
        if (below.isEmpty() || MAY_USE.containsKey(below)) {
            return below;
        }
        String withPackagesBelow = below.replaceFirst("\\..*", "") + ".";
        return MAY_USE.containsKey(withPackagesBelow) ? withPackagesBelow : below;
    }

    private static final SliceAssignment TOP_LEVEL_CLASSES = new SliceAssignment() {
        @Override
        public SliceIdentifier getIdentifierOf(JavaClass each) {
            return isOurs(each)
                    ? SliceIdentifier.of(each.getName().replaceFirst("\\$.*", ""))
                    : SliceIdentifier.ignore();
        }

        @Override
        public String getDescription() {
            return "top-level classes";
        }
    };
}
