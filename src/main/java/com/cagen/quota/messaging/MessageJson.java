package com.cagen.quota.messaging;

import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.CommandTypes;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.Request;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.protocol.Nonce;
import com.fasterxml.jackson.annotation.JsonAutoDetect;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.ObjectCodec;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.deser.std.FromStringDeserializer;
import com.fasterxml.jackson.databind.deser.std.StdDeserializer;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.ser.std.ToStringSerializer;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Records as JSON, for messages between nodes. The class of a command follows from the name of its operation: nodes of
 * different versions agree on names, not on classes.
 */
final class MessageJson {
    private final ObjectMapper mapper;

    /** The command of an operation that this version does not know. */
    record UnknownCommand() implements Input {
        @Override
        public @Nullable String quotaId() {
            return null;
        }
    }

    MessageJson(CommandTypes commandTypes) {
        mapper = JsonMapper.builder()
                .addModule(new SimpleModule()
                        .addSerializer(Instant.class, ToStringSerializer.instance)
                        .addDeserializer(Instant.class, new InstantDeserializer())
                        .addDeserializer(Request.class, new RequestDeserializer(commandTypes)))
                .addMixIn(Input.class, ByComponents.class)
                .addMixIn(Answer.class, AnswerByName.class)
                .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                // The numbers in a refusal's details are longs, small ones too.
                .enable(DeserializationFeature.USE_LONG_FOR_INTS)
                .build();
    }

    <T> LocalCodec<T> codec(Class<T> type) {
        return new LocalCodec<>(type, this::write, buffer -> read(buffer, type));
    }

    private Buffer write(Object message) {
        try {
            return Buffer.buffer(mapper.writeValueAsBytes(message));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("cannot be written: " + message.getClass(), e);
        }
    }

    private <T> T read(Buffer json, Class<T> type) {
        try {
            return mapper.readValue(json.getBytes(), type);
        } catch (IOException e) {
            throw new IllegalStateException("cannot be read: " + type, e);
        }
    }

    /** By the record's components alone. */
    @JsonAutoDetect(fieldVisibility = JsonAutoDetect.Visibility.ANY, getterVisibility = JsonAutoDetect.Visibility.NONE)
    private interface ByComponents {}

    @JsonTypeInfo(use = JsonTypeInfo.Id.SIMPLE_NAME, property = "@type")
    @JsonSubTypes({@JsonSubTypes.Type(Answer.Success.class), @JsonSubTypes.Type(Refusal.class)})
    private interface AnswerByName {}

    private static final class RequestDeserializer extends StdDeserializer<Request> {
        private static final long serialVersionUID = 1L;

        private final transient CommandTypes commandTypes;

        RequestDeserializer(CommandTypes commandTypes) {
            super(Request.class);
            this.commandTypes = commandTypes;
        }

        @Override
        public Request deserialize(JsonParser parser, DeserializationContext context) throws IOException {
            ObjectCodec codec = parser.getCodec();
            JsonNode json = codec.readTree(parser);
            OperationName operation = codec.treeToValue(json.get("operation"), OperationName.class);
            Class<? extends Input> type = commandTypes.of(operation.text());
            return new Request(
                    json.get("requestId").textValue(),
                    codec.treeToValue(json.get("caller"), Caller.class),
                    codec.treeToValue(json.get("nonce"), Nonce.class),
                    json.path("idempotencyKey").textValue(),
                    operation,
                    type == null ? new UnknownCommand() : codec.treeToValue(json.get("command"), type));
        }
    }

    private static final class InstantDeserializer extends FromStringDeserializer<Instant> {
        private static final long serialVersionUID = 1L;

        InstantDeserializer() {
            super(Instant.class);
        }

        @Override
        protected Instant _deserialize(String value, DeserializationContext context) {
            return Instant.parse(value);
        }
    }
}
