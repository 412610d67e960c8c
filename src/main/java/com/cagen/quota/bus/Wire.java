package com.cagen.quota.bus;

import com.cagen.quota.domain.Answer;
import com.cagen.quota.domain.Operation;
import com.cagen.quota.domain.Refusal;
import com.fasterxml.jackson.annotation.JsonAutoDetect;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.deser.std.FromStringDeserializer;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.ser.std.ToStringSerializer;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.time.Instant;

/** Records as JSON, for messages that cross nodes. The type of an operation or answer travels as {@code "@type"}. */
final class Wire {
    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .addModule(new SimpleModule()
                    .addSerializer(Instant.class, ToStringSerializer.instance)
                    .addDeserializer(Instant.class, new InstantDeserializer()))
            .addMixIn(Operation.class, ByName.class)
            .addMixIn(Answer.class, AnswerByName.class)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            // The numbers in a refusal's details are longs, small ones too.
            .enable(DeserializationFeature.USE_LONG_FOR_INTS)
            .build();

    static {
        for (Class<?> operation : Operation.class.getPermittedSubclasses()) {
            registerLeaves(operation);
        }
    }

    private Wire() {}

    private static void registerLeaves(Class<?> type) {
        if (type.isRecord()) {
            MAPPER.registerSubtypes(type);
        } else {
            for (Class<?> sub : type.getPermittedSubclasses()) {
                registerLeaves(sub);
            }
        }
    }

    static <T> LocalCodec<T> codec(Class<T> type) {
        return new LocalCodec<>(type, Wire::write, buffer -> read(buffer, type));
    }

    private static Buffer write(Object message) {
        try {
            return Buffer.buffer(MAPPER.writeValueAsBytes(message));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("cannot be written: " + message.getClass(), e);
        }
    }

    private static <T> T read(Buffer json, Class<T> type) {
        try {
            return MAPPER.readValue(json.getBytes(), type);
        } catch (IOException e) {
            throw new IllegalStateException("cannot be read: " + type, e);
        }
    }

    @JsonTypeInfo(use = JsonTypeInfo.Id.SIMPLE_NAME, property = "@type")
    // By its components alone.
    @JsonAutoDetect(fieldVisibility = JsonAutoDetect.Visibility.ANY, getterVisibility = JsonAutoDetect.Visibility.NONE)
    @JsonIgnoreProperties("@type")
    private interface ByName {}

    @JsonTypeInfo(use = JsonTypeInfo.Id.SIMPLE_NAME, property = "@type")
    @JsonSubTypes({@JsonSubTypes.Type(Answer.Success.class), @JsonSubTypes.Type(Refusal.class)})
    private interface AnswerByName {}

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
