/** The audit trail. */
@NullMarked
package com.cagen.quota.operations.audit;

import org.jspecify.annotations.NullMarked;
