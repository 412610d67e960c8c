/** Tests of the audit trail. */
@NullMarked
package com.cagen.quota.audit;

import org.jspecify.annotations.NullMarked;
