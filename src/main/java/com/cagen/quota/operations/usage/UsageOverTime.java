package com.cagen.quota.operations.usage;

import com.cagen.quota.domain.access.Access;
import com.cagen.quota.domain.access.KnownGrants;
import com.cagen.quota.domain.quota.QuotaKey;
import com.cagen.quota.domain.quota.UsageSeries;
import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.domain.request.Input;
import com.cagen.quota.domain.request.OperationName;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.Violation;
import com.cagen.quota.engine.operation.Fields;
import com.cagen.quota.engine.operation.HttpRoute;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.engine.operation.Needs;
import com.cagen.quota.engine.operation.QueryOperation;
import com.cagen.quota.engine.operation.Rows;
import com.cagen.quota.protocol.Caller;
import com.cagen.quota.storage.rows.QuotaStates;
import com.cagen.quota.storage.rows.UsageMinutes;
import com.cagen.quota.storage.sql.DatabaseSession;
import io.vertx.core.Future;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What happened to a quota's usage, in parts of equal length of a stretch of time. By the clock of the database. */
public final class UsageOverTime extends QueryOperation<UsageOverTime.Command> {
    private static final Duration LENGTH_UNLESS_GIVEN = Duration.ofHours(24);
    /** Bounds how many rows are added up: one for each minute in which something happened. */
    private static final Duration LONGEST = Duration.ofDays(400);

    private static final String TOO_MANY_ENTRIES = "divide minutes in which more than " + UsageMinutes.MAX_ENTRIES
            + " entries were made: begin at a whole minute, with buckets of whole minutes, or ask for a shorter time";

    /**
     * {@code from} is inclusive, {@code to} exclusive.
     *
     * @param from null: a day before the end
     * @param to null: the end of this minute
     */
    public record Command(
            String quotaId,
            @Nullable Instant from,
            @Nullable Instant to,
            int buckets) implements Input {}

    public UsageOverTime() {
        super(new OperationName("usage.series", false), Command.class, HttpRoute.get("/quotas/:quota_id/usage/series"));
    }

    @Override
    public void check(Fields fields) {
        fields.timestamp("from");
        fields.timestamp("to");
    }

    @Override
    public Command decode(Fields fields) {
        return new Command(fields.quotaId(), fields.timestamp("from"), fields.timestamp("to"), fields.buckets());
    }

    @Override
    public void need(Command command, Needs needs) {
        needs.read(command.quotaId);
    }

    @Override
    public Access.Result access(Command command, Rows rows, Caller caller, KnownGrants grants) {
        return Access.read(rows.quota(command.quotaId), caller, grants);
    }

    @Override
    public Future<Answer> run(DatabaseSession connection, Command command, Caller caller) {
        QuotaKey quota = new QuotaKey(caller.organizationId(), command.quotaId);
        return QuotaStates.first(connection, quota).compose(first -> {
            Instant to = micros(command.to == null ? endOfMinute(first.now()) : command.to);
            Instant from = micros(command.from == null ? startUnlessGiven(to, first) : command.from);
            String problem = problem(from, to, command.buckets, first);
            if (problem != null) {
                return Future.succeededFuture(invalid("from", problem));
            }
            UsageSeries series = new UsageSeries(from, to, command.buckets);
            long openingMb = from.isBefore(first.changedAt()) ? 0 : first.usedMb();
            return UsageMinutes.series(connection, quota, series, openingMb)
                    .map(buckets -> buckets == null ? invalid("buckets", TOO_MANY_ENTRIES) : answer(buckets));
        });
    }

    private static Answer answer(List<UsageSeries.Bucket> buckets) {
        String data = JsonText.object(json -> json.objects("buckets", buckets, UsageOverTime::write));
        return new Answer.Success("Usage over time.", data, false);
    }

    private static Refusal invalid(String field, String problem) {
        return Violation.refuse(List.of(new Violation(field, problem))).refusal();
    }

    private static Instant startUnlessGiven(Instant to, QuotaStates.First first) {
        Instant from = to.minus(LENGTH_UNLESS_GIVEN);
        return first.ofCreation() || !from.isBefore(first.changedAt()) ? from : first.changedAt();
    }

    /** So that hours before it are whole minutes, which are added up already. */
    private static Instant endOfMinute(Instant moment) {
        return moment.truncatedTo(ChronoUnit.MINUTES).plus(1, ChronoUnit.MINUTES);
    }

    /** As exact as PostgreSQL keeps time. */
    private static Instant micros(Instant moment) {
        return moment.truncatedTo(ChronoUnit.MICROS);
    }

    private static @Nullable String problem(Instant from, Instant to, int buckets, QuotaStates.First first) {
        if (!from.isBefore(to)) {
            return "must be before to";
        } else if (from.isBefore(to.minus(LONGEST))) {
            return "must be at most " + LONGEST.toDays() + " days before to";
        } else if (ChronoUnit.MICROS.between(from, to) < buckets) {
            return "must be so long before to that a bucket has a microsecond";
        } else if (!first.ofCreation() && from.isBefore(first.changedAt())) {
            return "must not be before " + first.changedAt() + ": usage was not added up until then";
        }
        return null;
    }

    private static void write(UsageSeries.Bucket bucket, JsonText json) {
        json.put("start", bucket.start())
                .put("used_mb_min", bucket.minMb())
                .put("used_mb_max", bucket.maxMb())
                .put("used_mb_end", bucket.endMb())
                .put("allocated_mb", bucket.allocatedMb())
                .put("deallocated_mb", bucket.deallocatedMb())
                .put("refused", bucket.refused());
    }
}
