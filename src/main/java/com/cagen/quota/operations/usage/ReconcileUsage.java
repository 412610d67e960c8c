package com.cagen.quota.operations.usage;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.Quota;
import com.cagen.quota.domain.quota.ResourceAmounts;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.Violation;
import com.cagen.quota.engine.operation.Change;
import com.cagen.quota.engine.operation.Context;
import com.cagen.quota.engine.operation.Decision;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.QuotaChange;
import com.cagen.quota.engine.operation.RowOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.engine.operation.Tally;
import com.cagen.quota.protocol.Caller;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Sets what resources are recorded to hold to what was observed. What is held too much is given back first, then what is missing
 * is added as far as the quota has it available, resource by resource. Suspension does not matter: nothing is given out here that
 * is not used already.
 */
public final class ReconcileUsage extends RowOperation<ReconcileUsage.Command> {
    /** The member of a refusal's details that says which item was refused, from 0. */
    private static final String ITEM = "item";

    /** {@code usageMb} is 0 or more. */
    public record Observed(String resourceId, long usageMb) {}

    /**
     * @param observed each resource once
     * @param complete whether resources that are not named hold nothing
     * @param asOf when it was observed: what happened later is added; null for now
     * @param dryRun whether to say only what would happen
     */
    public record Command(
            String quotaId,
            List<Observed> observed,
            boolean complete,
            @Nullable Instant asOf,
            boolean dryRun) implements Input {
        public Command {
            observed = List.copyOf(observed);
        }
    }

    private enum Outcome {
        UNCHANGED,
        ADJUSTED,
        REFUSED;

        String wireName() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * One resource.
     *
     * @param number its place in the answer, from 0
     * @param targetMb what it is to hold
     */
    private record Item(int number, String resourceId, long recordedMb, long observedMb, long targetMb) {
        long differenceMb() {
            return targetMb - recordedMb;
        }
    }

    public ReconcileUsage() {
        super(
                new OperationName("usage.reconcile", true),
                Command.class,
                HttpRoute.post("/quotas/:quota_id/usage/reconcile"));
    }

    @Override
    public void check(Fields fields) {
        fields.timestamp("as_of");
        Set<Object> named = new HashSet<>();
        for (Fields observed : fields.objects("observed")) {
            if (!named.add(String.valueOf(observed.value("resource_id")))) {
                observed.reject("resource_id", "is named twice");
            }
        }
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(
                fields.quotaId(),
                fields.objects("observed").stream()
                        .map(each -> new Observed(each.text("resource_id"), each.number("usage_mb")))
                        .toList(),
                fields.optionalFlag("complete"),
                fields.timestamp("as_of"),
                fields.optionalFlag("dry_run"));
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.lock(command.quotaId);
        command.observed.forEach(observed -> needs.holding(command.quotaId, observed.resourceId));
        if (command.complete) {
            needs.allHoldings(command.quotaId);
        }
        if (command.asOf != null) {
            needs.usageAfter(command.quotaId, command.asOf);
        }
    }

    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        return Access.admin(rows.quota(command.quotaId), caller, grants);
    }

    @Override
    public Decision decide(Command command, Rows rows, Context context) {
        ResourceAmounts later = rows.usageAfter(command.quotaId);
        ResourceAmounts held = rows.holdings(command.quotaId);
        Violation violation = violation(command, later, held, context);
        if (violation != null) {
            return new Decision.Refused(Violation.refuse(List.of(violation)).refusal());
        }
        List<Item> items = items(command, rows, later, held);
        Outcome[] outcomes = new Outcome[items.size()];
        Change change = Change.of("Usage reconciled.").entryForEachQuota();
        Quota quota = rows.quota(command.quotaId);
        for (Item item : givingBackFirst(items)) {
            if (item.differenceMb() == 0) {
                outcomes[item.number] = Outcome.UNCHANGED;
            } else if (item.differenceMb() > quota.availableMb()) {
                outcomes[item.number] = Outcome.REFUSED;
                change.refused(Refusal.insufficientQuota(quota, item.differenceMb())
                                .with(ITEM, item.number))
                        .count(Tally.DRIFT_REFUSED);
            } else {
                outcomes[item.number] = Outcome.ADJUSTED;
                Quota after =
                        quota.withFigures(quota.usedMb() + item.differenceMb(), quota.allocatedMb(), context.now());
                change.quota(QuotaChange.held(
                                quota, after, new QuotaChange.Held(item.resourceId, item.recordedMb, item.targetMb)))
                        .count(Tally.DRIFT_ADJUSTED);
                quota = after;
            }
        }
        change.answer(json -> write(items, outcomes, json));
        return command.dryRun
                ? new Decision.Read(new Answer.Success("Nothing was changed.", change.data(), false))
                : new Decision.Done(change);
    }

    private static @Nullable Violation violation(
            Command command, ResourceAmounts later, ResourceAmounts held, Context context) {
        if (command.asOf != null && command.asOf.isAfter(context.now())) {
            return new Violation("as_of", "must not be in the future");
        }
        if (!later.complete()) {
            return new Violation("as_of", "must be later: too much has happened on the quota since");
        }
        return held.complete()
                ? null
                : new Violation("complete", "must be false: the quota has too many resources to look at all of them");
    }

    /** Those that were observed, then the others, by name. */
    private static List<Item> items(Command command, Rows rows, ResourceAmounts later, ResourceAmounts held) {
        List<Observed> all = new ArrayList<>(command.observed);
        Set<String> named = command.observed.stream().map(Observed::resourceId).collect(Collectors.toSet());
        held.byResource().keySet().stream()
                .filter(resourceId -> !named.contains(resourceId))
                .sorted()
                .forEach(resourceId -> all.add(new Observed(resourceId, 0)));
        List<Item> items = new ArrayList<>(all.size());
        for (Observed observed : all) {
            long recordedMb = rows.heldMb(command.quotaId, observed.resourceId);
            long targetMb = Math.max(0, observed.usageMb + later.of(observed.resourceId));
            items.add(new Item(items.size(), observed.resourceId, recordedMb, observed.usageMb, targetMb));
        }
        return items;
    }

    private static List<Item> givingBackFirst(List<Item> items) {
        return items.stream()
                .sorted(Comparator.comparing((Item item) -> item.differenceMb() > 0)
                        .thenComparing(Item::number))
                .toList();
    }

    private static void write(List<Item> items, Outcome[] outcomes, JsonText json) {
        json.objects("items", items, (item, fields) -> fields.put("resource_id", item.resourceId)
                        .put("recorded_mb", item.recordedMb)
                        .put("observed_mb", item.observedMb)
                        .put("difference_mb", item.differenceMb())
                        .put("outcome", outcomes[item.number].wireName()))
                .put("adjusted", count(outcomes, Outcome.ADJUSTED))
                .put("refused", count(outcomes, Outcome.REFUSED));
    }

    private static long count(Outcome[] outcomes, Outcome wanted) {
        return List.of(outcomes).stream().filter(outcome -> outcome == wanted).count();
    }

    @Override
    public boolean changesVisibility() {
        return false;
    }

    /** Which resource an entry is about, and both figures, are in its changes. */
    @Override
    public void describe(Command command, JsonText details) {
        if (command.asOf != null) {
            details.put("as_of", command.asOf);
        }
        if (command.complete) {
            details.put("complete", true);
        }
    }

    @Override
    public void describeRefused(Command command, Refusal refusal, JsonText details) {
        describe(command, details);
        if (refusal.details().get(ITEM) instanceof Long number && number < command.observed.size()) {
            Observed observed = command.observed.get(Math.toIntExact(number));
            details.put("resource_id", observed.resourceId).put("observed_mb", observed.usageMb);
        }
    }
}
