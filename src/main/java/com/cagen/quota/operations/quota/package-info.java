/** Operations on the tree of quotas. */
@NullMarked
package com.cagen.quota.operations.quota;

import org.jspecify.annotations.NullMarked;
