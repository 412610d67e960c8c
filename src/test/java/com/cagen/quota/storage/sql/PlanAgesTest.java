package com.cagen.quota.storage.sql;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PlanAgesTest {
    private static final long START = -7;
    private final PlanAges ages = new PlanAges(2);

    @Test
    void keepsPlansTwiceAsLongEachTime() {
        assertThat(ages.replan(1, START)).isFalse();
        assertThat(ages.replan(1, START + PlanAges.FIRST_NANOS - 1)).isFalse();
        assertThat(ages.replan(1, START + PlanAges.FIRST_NANOS)).isTrue();
        assertThat(ages.replan(1, START + 3 * PlanAges.FIRST_NANOS - 1)).isFalse();
        assertThat(ages.replan(1, START + 3 * PlanAges.FIRST_NANOS)).isTrue();
    }

    @Test
    void keepsPlansNoLongerThanTheLimit() {
        long now = START;
        for (int i = 0; i < 100; i++) {
            ages.replan(1, now);
            now += PlanAges.LONGEST_NANOS;
        }
        assertThat(ages.replan(1, now)).isTrue();
        assertThat(ages.replan(1, now + PlanAges.LONGEST_NANOS - 1)).isFalse();
        assertThat(ages.replan(1, now + PlanAges.LONGEST_NANOS)).isTrue();
    }

    @Test
    void eachConnectionHasPlansOfItsOwn() {
        ages.replan(1, START);
        assertThat(ages.replan(2, START + PlanAges.FIRST_NANOS)).isFalse();
        assertThat(ages.replan(1, START + PlanAges.FIRST_NANOS)).isTrue();
    }

    @Test
    void stillReplansAfterManyConnectionsWereReplaced() {
        for (int processId = 0; processId < 1_000; processId++) {
            ages.replan(processId, START);
        }
        ages.replan(999, START);
        assertThat(ages.replan(999, START + PlanAges.FIRST_NANOS)).isTrue();
    }
}
