package com.cagen.quota.examples;

import com.hazelcast.config.Config;
import com.hazelcast.config.JoinConfig;
import com.hazelcast.config.MapConfig;
import com.hazelcast.config.MultiMapConfig;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.eventbus.EventBusOptions;
import io.vertx.core.http.ClientAuth;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.core.net.PemTrustOptions;
import io.vertx.spi.cluster.hazelcast.HazelcastClusterManager;
import java.util.List;

/** Another application's way into the cluster of the service's nodes; docs/event-bus.md shows it. */
public final class ClusterMember {
    private ClusterMember() {}

    /** Joins: {@code host} and {@code port} are this application's, {@code nodes} are some nodes' host:CLUSTER_PORT. */
    public static Future<Vertx> join(
            String clusterName, String host, int port, List<String> nodes, EventBusOptions eventBus) {
        Config hazelcast = new Config()
                .setClusterName(clusterName)
                .setProperty("hazelcast.local.localAddress", host)
                .setProperty("hazelcast.socket.bind.any", "false")
                .addMultiMapConfig(new MultiMapConfig("__vertx.subs")
                        .setBackupCount(1)
                        .setValueCollectionType(MultiMapConfig.ValueCollectionType.SET))
                .addMapConfig(new MapConfig("__vertx.haInfo").setBackupCount(1))
                .addMapConfig(new MapConfig("__vertx.nodeInfo").setBackupCount(1));
        hazelcast.getNetworkConfig().setPort(port).setPortAutoIncrement(false);
        JoinConfig join = hazelcast.getNetworkConfig().getJoin();
        join.getAutoDetectionConfig().setEnabled(false);
        join.getMulticastConfig().setEnabled(false);
        join.getTcpIpConfig().setEnabled(true).setMembers(nodes);
        eventBus.setHost(host).setClusterPublicHost(host);
        return Vertx.builder()
                .with(new VertxOptions().setEventBusOptions(eventBus))
                .withClusterManager(new HazelcastClusterManager(hazelcast))
                .buildClustered();
    }

    /** For nodes with CLUSTER_TLS_CERT, _KEY and _CA: PEM files, the certificate signed by the nodes' authority. */
    public static EventBusOptions tls(String certificate, String key, String authority) {
        return new EventBusOptions()
                .setSsl(true)
                .setTrustAll(false)
                .setClientAuth(ClientAuth.REQUIRED)
                .setKeyCertOptions(
                        new PemKeyCertOptions().addCertPath(certificate).addKeyPath(key))
                .setTrustOptions(new PemTrustOptions().addCertPath(authority));
    }
}
