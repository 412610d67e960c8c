/** The benchmark: the shipped jar against pgbench on the same PostgreSQL. */
@NullMarked
package com.cagen.quota.bench;

import org.jspecify.annotations.NullMarked;
