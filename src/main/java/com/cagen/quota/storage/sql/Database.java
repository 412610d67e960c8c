package com.cagen.quota.storage.sql;

import com.cagen.quota.config.Config;
import com.cagen.quota.domain.request.Refusal;
import com.cagen.quota.domain.request.RefusalException;
import com.cagen.quota.protocol.ErrorCode;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxException;
import io.vertx.core.http.ConnectionPoolTooBusyException;
import io.vertx.pgclient.PgBuilder;
import io.vertx.pgclient.PgConnectOptions;
import io.vertx.pgclient.PgConnection;
import io.vertx.pgclient.PgException;
import io.vertx.sqlclient.Pool;
import io.vertx.sqlclient.PoolOptions;
import io.vertx.sqlclient.Transaction;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections to PostgreSQL, all under the role {@code quota_app}, and the two ways to use them: {@link #transaction}
 * for everything but the hot path, {@link #connection} for that.
 *
 * <p>A future from here fails with a {@link RefusalException}: {@code database_unavailable} when nothing was done, {@code
 * outcome_unknown} when the connection was lost at commit, {@code overloaded} when too many wait for a connection; or with
 * the {@link PgException} of a statement that PostgreSQL refused.
 */
public final class Database {
    private static final Logger LOG = LoggerFactory.getLogger(Database.class);
    private static final int MAX_ATTEMPTS = 5;
    private static final int ACQUIRE_TIMEOUT_SECONDS = 3;

    private final Vertx vertx;
    private final Pool pool;
    private final SqlEngine engine;
    private final int maxSize;
    private final AtomicInteger waiting = new AtomicInteger();
    private final PlanAges plans;
    private final LongSupplier nanoTime;

    private Database(Vertx vertx, Pool pool, SqlEngine engine, int maxSize, LongSupplier nanoTime) {
        this.vertx = vertx;
        this.pool = pool;
        this.engine = engine;
        this.maxSize = maxSize;
        this.plans = new PlanAges(maxSize);
        this.nanoTime = nanoTime;
    }

    /**
     * Makes a pool; connects to nothing yet.
     *
     * @param name of the pool in metrics
     * @param size connections at most
     */
    public static Database open(Vertx vertx, DatabaseUrl url, Config.Database settings, String name, int size) {
        return open(vertx, url, settings, name, size, System::nanoTime);
    }

    /** @param nanoTime by which plans grow old */
    static Database open(
            Vertx vertx, DatabaseUrl url, Config.Database settings, String name, int size, LongSupplier nanoTime) {
        PgConnectOptions connect = url.toPgConnectOptions()
                .setCachePreparedStatements(true)
                .setPreparedStatementCacheMaxSize(256)
                // Longer ones would be planned anew each time.
                .setPreparedStatementCacheSqlFilter(sql -> true)
                .setPipeliningLimit(256)
                .addProperty("role", "quota_app")
                .addProperty("application_name", "cagen-quota")
                .addProperty("search_path", "quota")
                .addProperty("jit", "off")
                // A generic plan stays for a while as it was made, perhaps while the tables were small: nothing but the
                // indexes, then.
                .addProperty("enable_seqscan", "off")
                .addProperty("enable_hashjoin", "off")
                .addProperty("enable_mergejoin", "off")
                // Keys of a batch are different from each other.
                .addProperty("enable_memoize", "off")
                .addProperty("lock_timeout", Long.toString(settings.lockTimeoutMillis()))
                .addProperty("statement_timeout", Long.toString(settings.statementTimeoutMillis()))
                .addProperty(
                        "idle_in_transaction_session_timeout", Long.toString(settings.statementTimeoutMillis() * 2));
        SqlEngine engine = settings.engine() == Config.Engine.CITUS
                ? new CitusEngine(settings.lockTimeoutMillis())
                : new PostgresEngine();
        engine.configure(connect);
        connect.setMetricsName(name);
        PoolOptions options = new PoolOptions()
                .setName(name)
                .setMaxSize(size)
                .setMaxWaitQueueSize(1_000)
                .setConnectionTimeout(ACQUIRE_TIMEOUT_SECONDS)
                .setConnectionTimeoutUnit(TimeUnit.SECONDS);
        return new Database(
                vertx,
                PgBuilder.pool()
                        .with(options)
                        .connectingTo(connect)
                        .using(vertx)
                        .build(),
                engine,
                size,
                nanoTime);
    }

    /** A connection to be closed by the caller, whatever happens. */
    public Future<DatabaseSession> connection() {
        waiting.incrementAndGet();
        return pool.getConnection()
                .onComplete(ignored -> waiting.decrementAndGet())
                .map(connection -> {
                    if (engine.keepsPlans()
                            && plans.replan(((PgConnection) connection).processId(), nanoTime.getAsLong())) {
                        // Not waited for: what is sent next comes after it, and fails as it does if the connection is
                        // lost.
                        connection.query("DISCARD PLANS").execute();
                    }
                    return new DatabaseSession(connection, engine);
                })
                .recover(failure -> Future.failedFuture(unavailable(failure)));
    }

    /**
     * Runs {@code work} in one transaction that sees what {@code scope} names, again when PostgreSQL asks for it, and commits.
     *
     * @param work uses the connection it is given and keeps it no longer than its future
     */
    public <T> Future<T> transaction(SecurityScope scope, Function<DatabaseSession, Future<T>> work) {
        return attempt(scope, work, 1);
    }

    private <T> Future<T> attempt(SecurityScope scope, Function<DatabaseSession, Future<T>> work, int attempt) {
        return connection()
                .compose(connection -> once(connection, scope, work).eventually(connection::close))
                .recover(failure -> {
                    if (attempt < MAX_ATTEMPTS && worthRepeating(failure)) {
                        return vertx.timer(
                                        ThreadLocalRandom.current().nextLong(1, 10L << attempt), TimeUnit.MILLISECONDS)
                                .compose(ignored -> attempt(scope, work, attempt + 1));
                    }
                    return Future.failedFuture(failure);
                });
    }

    /** Whether nothing was done, and the same transaction may succeed when it is run again. */
    public static boolean worthRepeating(Throwable failure) {
        return failure instanceof PgException refused ? SqlStates.retryable(refused) : lostConnection(failure);
    }

    /**
     * Whether a failure from here is a connection that was lost, or found dead, before COMMIT was sent: nothing was done. The
     * pool may well hand out a connection whose end it has not noticed yet.
     */
    public static boolean lostConnection(Throwable failure) {
        return failure instanceof RefusalException refused
                && refused.refusal().code() == ErrorCode.DATABASE_UNAVAILABLE
                && refused.getCause() instanceof VertxException cause
                && !(cause instanceof PgException);
    }

    private static <T> Future<T> once(
            DatabaseSession connection, SecurityScope scope, Function<DatabaseSession, Future<T>> work) {
        return connection
                .begin()
                .recover(failure -> Future.failedFuture(unavailable(failure)))
                .compose(transaction -> {
                    return connection
                            .enter(scope)
                            .compose(ignored -> work.apply(connection))
                            .transform(result -> result.succeeded()
                                    ? commit(transaction, result.result())
                                    : rollback(transaction, asRefusal(result.cause())));
                });
    }

    private static <T> Future<T> commit(Transaction transaction, T result) {
        return transaction
                .commit()
                .map(result)
                .recover(failure -> Future.failedFuture(new RefusalException(
                        Refusal.of(
                                ErrorCode.OUTCOME_UNKNOWN,
                                "The connection to the database was lost while committing; repeat under the same idempotency key."),
                        failure)));
    }

    private static <T> Future<T> rollback(Transaction transaction, Throwable failure) {
        return transaction.rollback().transform(ignored -> Future.failedFuture(failure));
    }

    /** What PostgreSQL refused stays a {@link PgException}; everything else that is no refusal yet is a lost connection. */
    public static Throwable asRefusal(Throwable failure) {
        if (failure instanceof PgException pg) {
            return SqlStates.temporary(pg) ? unavailable(failure) : failure;
        }
        boolean connectionLost = failure instanceof VertxException || !(failure instanceof RuntimeException);
        return connectionLost ? unavailable(failure) : failure;
    }

    /** {@code database_unavailable}, the cause logged; {@code overloaded} when the pool's queue is full. */
    public static RefusalException unavailable(Throwable failure) {
        if (failure instanceof RefusalException refused) {
            return refused;
        }
        if (failure instanceof ConnectionPoolTooBusyException) {
            return new RefusalException(Refusal.of(ErrorCode.OVERLOADED, "Too many requests are waiting."), failure);
        }
        LOG.warn("database unavailable: {}", failure.getMessage());
        return new RefusalException(
                Refusal.of(ErrorCode.DATABASE_UNAVAILABLE, "The database cannot be reached at the moment."), failure);
    }

    /** Whether a query gets an answer, within the pool's timeouts, and of a server that takes writes. */
    public Future<Void> ping() {
        return pool.query("SELECT current_setting('transaction_read_only')")
                .execute()
                .compose(rows -> rows.iterator().next().getString(0).equals("off")
                        ? Future.succeededFuture()
                        : Future.failedFuture(new IllegalStateException("the database is read-only")));
    }

    /** Connections that are open, in use or idle. */
    public int size() {
        return pool.size();
    }

    /** Connections that may be open. */
    public int maxSize() {
        return maxSize;
    }

    /** How many wait for a connection. */
    public int waiting() {
        return waiting.get();
    }

    public Future<Void> close() {
        return pool.close();
    }
}
