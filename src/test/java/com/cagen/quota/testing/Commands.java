package com.cagen.quota.testing;

import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.engine.operation.Operation;
import com.cagen.quota.operations.Operations;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/** The operation that a command belongs to. */
public final class Commands {
    private static final Map<Class<?>, Operation<?>> OPERATIONS = Operations.CATALOG.all().stream()
            .collect(Collectors.toUnmodifiableMap(Operation::commandType, operation -> operation));

    private Commands() {}

    public static Operation<?> operationOf(Input command) {
        return operationOf(command.getClass());
    }

    public static Operation<?> operationOf(Class<? extends Input> commandType) {
        return Objects.requireNonNull(OPERATIONS.get(commandType), commandType.getName());
    }

    public static OperationName nameOf(Input command) {
        return operationOf(command).name();
    }
}
