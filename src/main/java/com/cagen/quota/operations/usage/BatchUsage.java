package com.cagen.quota.operations.usage;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Capacity;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Many allocations and deallocations, decided in order: all of them or none, or each for itself. */
public final class BatchUsage extends RowOperation<BatchUsage.Command> {
    /** The member of a refusal's details that says which item was refused, from 0. */
    private static final String ITEM = "item";

    public enum Verb {
        ALLOCATE,
        DEALLOCATE;

        static Verb ofWireName(String name) {
            return valueOf(name.toUpperCase(Locale.ROOT));
        }

        String wireName() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** {@code usageMb} is 1 or more. */
    public record Item(
            Verb verb,
            String quotaId,
            String resourceId,
            long usageMb,
            @Nullable String reason) {}

    /** @param atomic whether the first refusal is the answer, and nothing is done */
    public record Command(boolean atomic, List<Item> items) implements Input {
        public Command {
            items = List.copyOf(items);
        }

        @Override
        public @Nullable String quotaId() {
            return null;
        }
    }

    public BatchUsage() {
        super(new OperationName("usage.batch", true), Command.class, HttpRoute.post("/usage/batch"));
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(
                fields.flag("atomic"),
                fields.objects("items").stream().map(BatchUsage::item).toList());
    }

    private static Item item(Fields fields) {
        return new Item(
                Verb.ofWireName(fields.text("operation")),
                fields.quotaId(),
                fields.text("resource_id"),
                fields.number("usage_mb"),
                fields.optional("reason"));
    }

    @Override
    public void need(Command command, Needs needs) {
        for (Item item : command.items) {
            needs.lock(item.quotaId);
            needs.holding(item.quotaId, item.resourceId);
        }
    }

    @Override
    public boolean sharesTransaction() {
        return true;
    }

    @Override
    public int weight(Command command) {
        return command.items.size();
    }

    /** What is unknown is asked about in one go. What is denied, is denied item by item. */
    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        Set<String> unknown = new LinkedHashSet<>();
        for (Item item : command.items) {
            Quota quota = rows.find(item.quotaId);
            if (quota != null && Access.read(quota, caller, grants) instanceof Access.Result.Unknown found) {
                unknown.addAll(found.quotaIds());
            }
        }
        return unknown.isEmpty() ? Access.allowed() : new Access.Result.Unknown(List.copyOf(unknown));
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        Change change = Change.of("Batch carried out.").entryForEachQuota();
        Figures figures = new Figures(rows);
        List<Consumer<JsonText>> answers = new ArrayList<>(command.items.size());
        for (int i = 0; i < command.items.size(); i++) {
            Item item = command.items.get(i);
            Refusal refusal = refusal(item, figures, context);
            if (refusal == null) {
                UsageChange usage = figures.apply(change, item, context);
                answers.add(json -> json.put("success", true).object("data", usage::write));
                continue;
            }
            Refusal ofItem = refusal.with(ITEM, i);
            if (command.atomic) {
                return new Decision.Refused(ofItem);
            }
            change.refused(ofItem);
            answers.add(json -> writeRefusal(ofItem, json));
        }
        return new Decision.Done(change.answer(json -> json.objects("items", answers, Consumer::accept)));
    }

    private static @Nullable Refusal refusal(Item item, Figures figures, Context context) {
        Quota quota = figures.quota(item.quotaId);
        if (quota == null || quota.deleted()) {
            return Refusal.quotaNotFound();
        }
        if (Access.read(quota, context.caller(), context.grants()) instanceof Access.Result.Denied denied) {
            return denied.refusal();
        }
        if (item.verb == Verb.ALLOCATE) {
            return Capacity.refusal(quota, item.usageMb);
        }
        long heldMb = figures.heldMb(item);
        return item.usageMb > heldMb ? Refusal.insufficientUsage(item.resourceId, heldMb, item.usageMb) : null;
    }

    private static void writeRefusal(Refusal refusal, JsonText json) {
        json.put("success", false)
                .put("code", refusal.code().wireName())
                .put("error", refusal.message())
                .object("details", details -> details.all(refusal.details()));
    }

    /** Quotas and holdings, as the items before have left them. */
    private static final class Figures {
        private final Rows rows;
        private final Map<String, Quota> quotas = new HashMap<>();
        private final Map<List<String>, Long> heldMb = new HashMap<>();

        Figures(Rows rows) {
            this.rows = rows;
        }

        @Nullable
        Quota quota(String quotaId) {
            Quota changed = quotas.get(quotaId);
            return changed != null ? changed : rows.find(quotaId);
        }

        long heldMb(Item item) {
            Long changed = heldMb.get(List.of(item.quotaId, item.resourceId));
            return changed != null ? changed : rows.heldMb(item.quotaId, item.resourceId);
        }

        UsageChange apply(Change change, Item item, Context context) {
            Quota quota = quotas.getOrDefault(item.quotaId, rows.quota(item.quotaId));
            UsageChange usage = UsageChange.of(
                    item.verb == Verb.ALLOCATE,
                    change,
                    context.entryId(change.quotas().size()),
                    quota,
                    item.resourceId,
                    heldMb(item),
                    item.usageMb,
                    context);
            change.reason(item.reason);
            quotas.put(item.quotaId, usage.quota());
            heldMb.put(List.of(item.quotaId, item.resourceId), usage.heldMb());
            return usage;
        }
    }

    @Override
    public boolean changesVisibility() {
        return false;
    }

    @Override
    public @Nullable String refusedQuotaId(Command command, Refusal refusal) {
        Item item = refusedItem(command, refusal);
        return item == null ? null : item.quotaId;
    }

    /** What was asked about other items is in their own entries, or was not done at all. */
    @Override
    public void describeRefused(Command command, Refusal refusal, JsonText details) {
        Item item = refusedItem(command, refusal);
        if (item != null) {
            details.put("operation", item.verb.wireName())
                    .put("resource_id", item.resourceId)
                    .put("usage_mb", item.usageMb)
                    .putIfPresent("reason", item.reason);
        }
    }

    private static @Nullable Item refusedItem(Command command, Refusal refusal) {
        return refusal.details().get(ITEM) instanceof Long item ? command.items.get(Math.toIntExact(item)) : null;
    }
}
