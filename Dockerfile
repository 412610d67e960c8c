# syntax=docker/dockerfile:1

FROM maven:3-eclipse-temurin-25 AS build
WORKDIR /build
# Dependencies and plugins first, by packaging nothing: they change rarely, and this layer is kept.
COPY pom.xml .
COPY .mvn .mvn
RUN mvn -B -q -DskipTests package && rm -r target
COPY src src
RUN mvn -B -q -DskipTests package

FROM eclipse-temurin:25-jre
RUN groupadd --gid 10001 quota \
    && useradd --uid 10001 --gid quota --no-create-home --home-dir /app --shell /usr/sbin/nologin quota \
    && mkdir -p /app/data && chown quota:quota /app/data
WORKDIR /app
COPY --from=build --chown=root:root /build/target/cagen-quota.jar cagen-quota.jar
# Not root: PostgreSQL would refuse it, and nothing here needs it.
USER 10001:10001
ENV ENVIRONMENT=production \
    PORT=8080 \
    DATA_DIR=/app/data \
    LOG_FORMAT=json \
    MALLOC_ARENA_MAX=2
# Only audit checkpoints, when DATABASE_URL names a server.
VOLUME /app/data
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx64m", "-jar", "cagen-quota.jar", "health"]
# The shell form would swallow SIGTERM, on which the service finishes its requests.
ENTRYPOINT ["java", "-XX:MaxRAMPercentage=70", "-XX:TrimNativeHeapInterval=10000", "-XX:+ExitOnOutOfMemoryError", "-jar", "cagen-quota.jar"]
