/** Fair sharing of queues and places between organizations. */
@NullMarked
package com.cagen.quota.domain.scheduling;

import org.jspecify.annotations.NullMarked;
