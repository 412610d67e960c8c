/** Entries of the audit trail, as records. */
@NullMarked
package com.cagen.quota.domain.audit;

import org.jspecify.annotations.NullMarked;
