/** What resources take of quotas. */
@NullMarked
package com.cagen.quota.operations.usage;

import org.jspecify.annotations.NullMarked;
