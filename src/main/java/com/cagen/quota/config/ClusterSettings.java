package com.cagen.quota.config;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The settings of a node among others: which part of the work is its own, and how it finds those that do the rest. */
final class ClusterSettings {
    private static final String NAME = "[A-Za-z0-9._-]{1,64}";
    private static final String HOST = "[A-Za-z0-9._:-]{1,253}";
    private static final String MEMBER = "[A-Za-z0-9._-]{1,253}:[0-9]{1,5}";

    private final Settings settings;
    private final boolean production;
    private final boolean on;

    ClusterSettings(Settings settings, boolean production) {
        this.settings = settings;
        this.production = production;
        String given = settings.get("CLUSTER", "off").toLowerCase(Locale.ROOT);
        // YAML reads on and off as true and false.
        this.on = given.equals("on") || given.equals("true");
        if (!on && !given.equals("off") && !given.equals("false")) {
            settings.problem("CLUSTER", given, "is unknown; give on or off");
        }
    }

    boolean on() {
        return on;
    }

    /** All of them unless some are named. */
    Set<Config.Role> roles() {
        List<String> names = settings.list("QUOTA_ROLES");
        if (names.isEmpty()) {
            return EnumSet.allOf(Config.Role.class);
        }
        Set<Config.Role> roles = EnumSet.noneOf(Config.Role.class);
        boolean known = true;
        for (String each : names) {
            Config.@Nullable Role role = settings.constant("QUOTA_ROLES", each, Config.Role.class);
            known &= role != null;
            if (role != null) {
                roles.add(role);
            }
        }
        if (known && roles.size() < Config.Role.values().length && !on) {
            settings.problem(
                    "QUOTA_ROLES",
                    String.join(",", names),
                    "leaves work to other nodes; set CLUSTER=on, or name all of http, quota, audit and auth");
        }
        return roles;
    }

    /** Null when this node is to be alone. */
    Config.@Nullable Cluster cluster() {
        if (!on) {
            return null;
        }
        String name = settings.get("CLUSTER_NAME", "cagen-quota");
        if (!name.matches(NAME)) {
            settings.problem("CLUSTER_NAME", name, "must be 1 to 64 of A-Z, a-z, 0-9, dot, hyphen, underscore");
        }
        return new Config.Cluster(
                name,
                host(),
                settings.number(Config.Cluster.PORT, 5_701),
                settings.number(Config.Cluster.BUS_PORT, 5_702),
                members(),
                dns(),
                settings.oneOf("CLUSTER_ROUTING", Config.Routing.class, Config.Routing.LOCAL),
                tls());
    }

    private String host() {
        String host = settings.get("CLUSTER_HOST", production ? "" : "127.0.0.1");
        if (host.isEmpty()) {
            settings.problem(
                    "CLUSTER_HOST",
                    "",
                    "is required in production; give the address at which the other nodes reach this one");
        } else if (!host.matches(HOST) || host.equals("0.0.0.0")) {
            settings.problem("CLUSTER_HOST", host, "is no address of this node; give the one that the other nodes use");
        }
        return host;
    }

    private List<String> members() {
        List<String> members = settings.list("CLUSTER_MEMBERS");
        boolean dns = !settings.get("CLUSTER_KUBERNETES_DNS", "").isEmpty();
        if (members.isEmpty() && !dns) {
            settings.problem(
                    "CLUSTER_MEMBERS",
                    "",
                    "is required when CLUSTER=on; give host:port of some nodes, this one may be among them, or CLUSTER_KUBERNETES_DNS");
        } else if (!members.isEmpty() && dns) {
            settings.problem(
                    "CLUSTER_MEMBERS", String.join(",", members), "and CLUSTER_KUBERNETES_DNS exclude each other");
        }
        for (String member : members) {
            if (!member.matches(MEMBER)) {
                settings.problem("CLUSTER_MEMBERS", member, "is no node; give host:port, separated by commas");
            }
        }
        return members;
    }

    private @Nullable String dns() {
        String dns = settings.get("CLUSTER_KUBERNETES_DNS", "");
        if (!dns.isEmpty() && !dns.matches(HOST)) {
            settings.problem("CLUSTER_KUBERNETES_DNS", dns, "is no name; give service.namespace.svc.cluster.local");
        }
        return dns.isEmpty() ? null : dns;
    }

    private Config.@Nullable Tls tls() {
        boolean insecure = settings.allowed("CLUSTER_INSECURE", "allow");
        List<Path> files = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        for (String name : List.of("CLUSTER_TLS_CERT", "CLUSTER_TLS_KEY", "CLUSTER_TLS_CA")) {
            if (settings.get(name, "").isEmpty()) {
                missing.add(name);
            } else {
                files.add(readable(name));
            }
        }
        if (missing.isEmpty()) {
            return new Config.Tls(files.get(0), files.get(1), files.get(2));
        }
        if (!files.isEmpty()) {
            missing.forEach(name -> settings.problem(name, "", "is missing; the three CLUSTER_TLS files go together"));
        } else if (production && !insecure) {
            settings.problem(
                    "CLUSTER_TLS_CERT",
                    "",
                    "is required for a cluster in production, with CLUSTER_TLS_KEY and CLUSTER_TLS_CA; CLUSTER_INSECURE=allow goes without, where nobody else can reach the nodes' network");
        }
        return null;
    }

    private Path readable(String name) {
        Path file = settings.path(name, "");
        if (!Files.isReadable(file)) {
            settings.problem(name, file.toString(), "cannot be read; give a PEM file");
        }
        return file;
    }
}
