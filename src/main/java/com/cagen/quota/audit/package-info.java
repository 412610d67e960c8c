/** The audit trail: sealing the journal, the hash chain, its verification. */
@NullMarked
package com.cagen.quota.audit;

import org.jspecify.annotations.NullMarked;
