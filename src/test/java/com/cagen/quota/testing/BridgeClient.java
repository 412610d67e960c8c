package com.cagen.quota.testing;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** A client of the TCP bridge that reads one frame after the other. */
public final class BridgeClient implements AutoCloseable {
    private static final int PATIENCE_MILLIS = 30_000;
    private static final String EVENTS = "cagen.quota.v1.events";

    private final Socket socket;
    private final DataInputStream in;
    private final DataOutputStream out;

    public BridgeClient(int port) throws IOException {
        socket = new Socket(InetAddress.getLoopbackAddress(), port);
        socket.setSoTimeout(PATIENCE_MILLIS);
        in = new DataInputStream(socket.getInputStream());
        out = new DataOutputStream(socket.getOutputStream());
    }

    /** A client that has registered for events, when that is confirmed. */
    public static BridgeClient registered(int port, JsonObject credential) throws IOException {
        BridgeClient client = new BridgeClient(port);
        client.send(new JsonObject()
                .put("type", "register")
                .put("address", EVENTS)
                .put("headers", credential.copy().put("confirm", true)));
        assertThat(client.event()).isEqualTo(new JsonObject().put("type", "registered"));
        return client;
    }

    public void send(JsonObject frame) throws IOException {
        byte[] json = frame.encode().getBytes(StandardCharsets.UTF_8);
        out.writeInt(json.length);
        out.write(json);
        out.flush();
    }

    /** The next frame, whatever it is. */
    public JsonObject next() throws IOException {
        byte[] json = new byte[in.readInt()];
        in.readFully(json);
        return new JsonObject(new String(json, StandardCharsets.UTF_8));
    }

    /** The next frame, which is an event. */
    public JsonObject event() throws IOException {
        JsonObject frame = next();
        assertThat(frame.getString("type")).as(frame.encode()).isEqualTo("message");
        assertThat(frame.getString("address")).isEqualTo(EVENTS);
        return frame.getJsonObject("body");
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
