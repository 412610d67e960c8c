package com.cagen.quota.messaging;

import com.cagen.quota.config.Config;
import com.hazelcast.cluster.MembershipAdapter;
import com.hazelcast.cluster.MembershipEvent;
import com.hazelcast.config.AdvancedNetworkConfig;
import com.hazelcast.config.JavaSerializationFilterConfig;
import com.hazelcast.config.JoinConfig;
import com.hazelcast.config.MapConfig;
import com.hazelcast.config.MultiMapConfig;
import com.hazelcast.config.ServerSocketEndpointConfig;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxBuilder;
import io.vertx.core.VertxOptions;
import io.vertx.core.eventbus.EventBusOptions;
import io.vertx.core.http.ClientAuth;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.core.net.PemTrustOptions;
import io.vertx.spi.cluster.hazelcast.HazelcastClusterManager;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * This node's membership. Hazelcast knows who is there and who listens at which address; it never holds a quota, and no lock of
 * it is relied upon. Messages go over the event bus's own connections (docs/adr/0007).
 */
public final class Cluster {
    private static final int CONNECT_TIMEOUT_MILLIS = 2_000;
    /** A connection whose other end is silent for twice as long is given up. */
    private static final int PING_MILLIS = 5_000;

    /**
     * A system property beside Hazelcast's own {@code hazelcast.local.publicAddress}: for a node behind something that maps
     * ports, such as the relay with which the tests part nodes.
     */
    private static final String PUBLIC_BUS_PORT = "cagen.cluster.public-bus-port";

    /** Of these, all that can be serialized are exceptions and plain events. */
    private static final String[] ERROR_PACKAGES = {
        "com.hazelcast.core.",
        "com.hazelcast.cp.exception.",
        "com.hazelcast.cp.lock.exception.",
        "com.hazelcast.spi.exception."
    };

    /** What the JDK's own errors, those of {@link #ERROR_PACKAGES} and their stack traces consist of. */
    private static final String[] ERRORS = {
        "[Ljava.lang.StackTraceElement;",
        "com.hazelcast.cp.internal.datastructures.exception.WaitKeyCancelledException",
        "com.hazelcast.cp.internal.session.SessionExpiredException",
        "com.hazelcast.internal.cluster.impl.ClusterTopologyChangedException",
        "com.hazelcast.internal.cluster.impl.ConfigMismatchException",
        "com.hazelcast.internal.cluster.impl.MasterNodeChangedException",
        "com.hazelcast.internal.cluster.impl.VersionMismatchException",
        "com.hazelcast.internal.partition.PartitionStateVersionMismatchException",
        "com.hazelcast.map.QueryResultSizeExceededException",
        "com.hazelcast.map.ReachedMaxSizeException",
        "com.hazelcast.map.impl.operation.EntryOffloadableLockMismatchException",
        "com.hazelcast.map.impl.operation.MapFetchIndexOperation$MissingPartitionException",
        "com.hazelcast.memory.NativeOutOfMemoryError",
        "com.hazelcast.nio.serialization.HazelcastSerializationException",
        "com.hazelcast.partition.NoDataMemberInClusterException",
        "com.hazelcast.replicatedmap.ReplicatedMapCantBeCreatedOnLiteMemberException",
        "com.hazelcast.splitbrainprotection.SplitBrainProtectionException",
        "com.hazelcast.version.MemberVersion",
        "java.io.EOFException",
        "java.io.IOException",
        "java.io.InvalidClassException",
        "java.io.NotSerializableException",
        "java.io.ObjectStreamException",
        "java.lang.AssertionError",
        "java.lang.ClassCastException",
        "java.lang.ClassNotFoundException",
        "java.lang.Error",
        "java.lang.Exception",
        "java.lang.IllegalArgumentException",
        "java.lang.IllegalStateException",
        "java.lang.IndexOutOfBoundsException",
        "java.lang.InterruptedException",
        "java.lang.NullPointerException",
        "java.lang.OutOfMemoryError",
        "java.lang.ReflectiveOperationException",
        "java.lang.RuntimeException",
        "java.lang.SecurityException",
        "java.lang.StackTraceElement",
        "java.lang.Throwable",
        "java.lang.UnsupportedOperationException",
        "java.lang.VirtualMachineError",
        "java.util.ArrayList",
        "java.util.Collections$EmptyList",
        "java.util.Collections$UnmodifiableCollection",
        "java.util.Collections$UnmodifiableList",
        "java.util.Collections$UnmodifiableRandomAccessList",
        "java.util.ConcurrentModificationException",
        "java.util.NoSuchElementException",
        "java.util.concurrent.CancellationException",
        "java.util.concurrent.CompletionException",
        "java.util.concurrent.ExecutionException",
        "java.util.concurrent.RejectedExecutionException",
        "java.util.concurrent.TimeoutException"
    };

    /** An attribute of a member: the id by which the bus knows this node. */
    private static final String NODE_ATTRIBUTE = "cagen.node";

    private final HazelcastClusterManager manager;
    private final String node;

    private Cluster(HazelcastClusterManager manager, String node) {
        this.manager = manager;
        this.node = node;
    }

    /** A node that has joined. */
    public record Joined(Vertx vertx, Cluster cluster) {}

    /**
     * Joins, or is the first.
     *
     * @param builder may already know of metrics
     * @param options for the rest of Vert.x
     * @return fails when an address is unknown or taken, or a certificate cannot be used
     */
    public static Future<Joined> join(VertxBuilder builder, VertxOptions options, Config.Cluster settings) {
        String address;
        try {
            address = InetAddress.getByName(settings.host()).getHostAddress();
        } catch (UnknownHostException e) {
            return Future.failedFuture(
                    new IllegalStateException("CLUSTER_HOST=" + settings.host() + " is not known", e));
        }
        String node = UUID.randomUUID().toString();
        com.hazelcast.config.Config hazelcast = hazelcast(settings, address);
        hazelcast.getMemberAttributeConfig().setAttribute(NODE_ATTRIBUTE, node);
        HazelcastClusterManager manager = new HazelcastClusterManager(hazelcast);
        bus(options.getEventBusOptions(), settings, address);
        return builder.with(options)
                .withClusterManager(manager)
                .buildClustered()
                .map(vertx -> new Joined(vertx, new Cluster(manager, node)))
                .recover(failure -> Future.failedFuture(
                        new IllegalStateException("the cluster cannot be joined: " + failure.getMessage(), failure)));
    }

    /** Fails when this node is no member, or no longer. */
    public Future<Void> membership() {
        return manager.isActive()
                        && manager.getHazelcastInstance().getLifecycleService().isRunning()
                ? Future.succeededFuture()
                : Future.failedFuture("this node is no member of its cluster");
    }

    /** The id by which the bus knows this node. */
    String node() {
        return node;
    }

    /**
     * Hears of nodes that are no members any more: they stopped, were killed (heard within a second or two, as their connections
     * break), or were silent for a minute.
     *
     * @param handler is given the node's id, on a thread of Hazelcast's
     */
    void onLost(Consumer<String> handler) {
        manager.getHazelcastInstance().getCluster().addMembershipListener(new MembershipAdapter() {
            @Override
            public void memberRemoved(MembershipEvent event) {
                String lost = event.getMember().getAttribute(NODE_ATTRIBUTE);
                if (lost != null) { // else it was somebody else's verticle
                    handler.accept(lost);
                }
            }
        });
    }

    private static void bus(EventBusOptions options, Config.Cluster settings, String address) {
        options.setHost(address)
                .setPort(settings.busPort())
                .setClusterPublicHost(address)
                .setConnectTimeout(CONNECT_TIMEOUT_MILLIS)
                .setClusterPingInterval(PING_MILLIS)
                .setClusterPingReplyInterval(PING_MILLIS)
                // On unless told otherwise, and it would let anybody in.
                .setTrustAll(false);
        Integer publicPort = Integer.getInteger(PUBLIC_BUS_PORT);
        if (publicPort != null) {
            options.setClusterPublicPort(publicPort);
        }
        Config.Tls tls = settings.tls();
        if (tls != null) {
            options.setSsl(true)
                    .setKeyCertOptions(new PemKeyCertOptions()
                            .addCertPath(tls.certificate().toString())
                            .addKeyPath(tls.key().toString()))
                    .setTrustOptions(
                            new PemTrustOptions().addCertPath(tls.authority().toString()))
                    .setClientAuth(ClientAuth.REQUIRED);
        }
    }

    private static com.hazelcast.config.Config hazelcast(Config.Cluster settings, String address) {
        com.hazelcast.config.Config hazelcast = new com.hazelcast.config.Config()
                .setClusterName(settings.name())
                .setProperty("hazelcast.phone.home.enabled", "false")
                .setProperty("hazelcast.logging.type", "slf4j")
                // Its address, and no other one of this machine. Not by getInterfaces(): that would pass over members
                // that are
                // given by their host names.
                .setProperty("hazelcast.local.localAddress", address)
                .setProperty("hazelcast.socket.bind.any", "false")
                // Parts that a broken network separated find each other again within half a minute, not in minutes.
                .setProperty("hazelcast.merge.first.run.delay.seconds", "15")
                .setProperty("hazelcast.merge.next.run.delay.seconds", "15")
                // Nothing in Hazelcast is worth waiting for: each node publishes again what it had there.
                .setProperty("hazelcast.graceful.shutdown.max.wait", "5")
                // What Vert.x keeps there, as its own default configuration has it.
                .addMultiMapConfig(new MultiMapConfig("__vertx.subs")
                        .setBackupCount(1)
                        .setValueCollectionType(MultiMapConfig.ValueCollectionType.SET))
                .addMapConfig(new MapConfig("__vertx.haInfo").setBackupCount(1))
                .addMapConfig(new MapConfig("__vertx.nodeInfo").setBackupCount(1));
        closeDoors(hazelcast);
        // The advanced configuration lets in members and nobody else. The simple one, on the same port, also lets in
        // Hazelcast's
        // clients, of which it asks for nothing but the cluster's name.
        AdvancedNetworkConfig network = hazelcast.getAdvancedNetworkConfig().setEnabled(true);
        network.setMemberEndpointConfig(
                new ServerSocketEndpointConfig().setPort(settings.port()).setPortAutoIncrement(false));
        JoinConfig join = network.getJoin();
        join.getAutoDetectionConfig().setEnabled(false);
        join.getMulticastConfig().setEnabled(false);
        if (settings.kubernetesDns() != null) {
            join.getKubernetesConfig()
                    .setEnabled(true)
                    .setProperty("service-dns", settings.kubernetesDns())
                    .setProperty("service-port", Integer.toString(settings.port()));
        } else {
            join.getTcpIpConfig().setEnabled(true).setMembers(settings.members());
        }
        return hazelcast;
    }

    /** What Hazelcast can do and this service does not need, said explicitly where it is off already. */
    private static void closeDoors(com.hazelcast.config.Config hazelcast) {
        hazelcast.getMetricsConfig().setEnabled(false);
        hazelcast.getJetConfig().setEnabled(false).setResourceUploadEnabled(false);
        hazelcast
                .getManagementCenterConfig()
                .setScriptingEnabled(false)
                .setConsoleEnabled(false)
                .setDataAccessEnabled(false);
        hazelcast.getUserCodeDeploymentConfig().setEnabled(false);
        hazelcast.getSerializationConfig().setJavaSerializationFilterConfig(errorsOnly());
    }

    /**
     * By default everything of java* and com.hazelcast may be made from what another member sends. Vert.x needs none of it, as
     * its types write themselves; Hazelcast sends its errors this way. A member that cannot read one neither learns why it was
     * refused nor tries again, and does not join for a minute.
     */
    static JavaSerializationFilterConfig errorsOnly() {
        JavaSerializationFilterConfig filter = new JavaSerializationFilterConfig().setDefaultsDisabled(true);
        filter.getWhitelist().addPrefixes(ERROR_PACKAGES).addClasses(ERRORS);
        return filter;
    }
}
