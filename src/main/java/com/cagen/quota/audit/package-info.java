/** The audit trail: draining the outbox, the hash chain, its verification. */
@NullMarked
package com.cagen.quota.audit;

import org.jspecify.annotations.NullMarked;
