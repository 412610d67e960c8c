package com.cagen.quota.engine;

import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.Collection;
import org.jspecify.annotations.Nullable;

/** About how many bytes of the heap texts take. */
final class TextSize {
    private static final long OBJECT_BYTES = 64;

    private static final ClassValue<Method[]> TEXTS = new ClassValue<>() {
        @Override
        protected Method[] computeValue(Class<?> type) {
            return Arrays.stream(type.getRecordComponents())
                    .filter(component -> component.getType() == String.class
                            || Collection.class.isAssignableFrom(component.getType()))
                    .map(RecordComponent::getAccessor)
                    .toArray(Method[]::new);
        }
    };

    private TextSize() {}

    static long ofTexts(@Nullable String... texts) {
        long bytes = 0;
        for (String text : texts) {
            bytes += text == null ? 0 : 2L * text.length();
        }
        return bytes;
    }

    /** Elements that are neither texts nor records count as objects only. */
    static long of(Collection<?> elements) {
        long bytes = 0;
        for (Object element : elements) {
            bytes += OBJECT_BYTES
                    + (element instanceof String text
                            ? 2L * text.length()
                            : element instanceof Record fields ? ofComponents(fields) : 0);
        }
        return bytes;
    }

    /** The texts and lists of texts of a record. */
    static long ofComponents(Record values) {
        long bytes = 0;
        try {
            for (Method accessor : TEXTS.get(values.getClass())) {
                Object value = accessor.invoke(values);
                bytes += value instanceof String text
                        ? ofTexts(text)
                        : value instanceof Collection<?> list ? of(list) : 0;
            }
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
        return bytes;
    }
}
