/** Durable queues: delivers what the database says is to be delivered, until it succeeds. */
@NullMarked
package com.cagen.quota.delivery;

import org.jspecify.annotations.NullMarked;
