/** What Prometheus sees beyond what requests count: the process, Vert.x, the database, how full quotas are. */
@NullMarked
package com.cagen.quota.metrics;

import org.jspecify.annotations.NullMarked;
