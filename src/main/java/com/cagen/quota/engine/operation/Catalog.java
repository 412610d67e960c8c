package com.cagen.quota.engine.operation;

import com.cagen.quota.domain.request.Input;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The operations of a service by their names. Immutable. */
public final class Catalog {
    private final Map<String, Operation<?>> byName = new LinkedHashMap<>();
    private final @Nullable SystemOperation<?> endOfReservations;

    /** @param operations each under a name of its own */
    public Catalog(List<Operation<?>> operations) {
        for (Operation<?> operation : operations) {
            if (byName.put(operation.name().text(), operation) != null) {
                throw new IllegalArgumentException("two operations are called " + operation.name());
            }
        }
        endOfReservations = systems().stream()
                .filter(SystemOperation::endsReservations)
                .findFirst()
                .orElse(null);
    }

    /** In the order given. */
    public List<Operation<?>> all() {
        return List.copyOf(byName.values());
    }

    /** Those that clients may ask for. */
    public List<Operation<?>> offered() {
        return byName.values().stream()
                .filter(operation -> !(operation instanceof SystemOperation<?>))
                .toList();
    }

    /** The names of those that clients may ask for. */
    public Set<String> names() {
        return offered().stream()
                .map(operation -> operation.name().text())
                .collect(Collectors.toCollection(LinkedHashSet::new));
    }

    /** Those that the service carries out by itself. */
    public List<SystemOperation<?>> systems() {
        List<SystemOperation<?>> systems = new ArrayList<>();
        for (Operation<?> operation : byName.values()) {
            if (operation instanceof SystemOperation<?> system) {
                systems.add(system);
            }
        }
        return systems;
    }

    /** The one that ends the reservations that have expired; null when there are no reservations. */
    public @Nullable SystemOperation<?> endOfReservations() {
        return endOfReservations;
    }

    /** @throws IllegalArgumentException when there is none of this name */
    public Operation<?> named(String name) {
        Operation<?> operation = byName.get(name);
        if (operation == null) {
            throw new IllegalArgumentException("no operation is called " + name);
        }
        return operation;
    }

    /** The record of an operation's decoded fields; null for a name that this version does not know. */
    public @Nullable Class<? extends Input> commandType(String name) {
        Operation<?> operation = byName.get(name);
        return operation == null ? null : operation.commandType();
    }
}
