/** Quota logic: lanes and batches for usage and reads, one class for each tree operation. */
@NullMarked
package com.cagen.quota.quota;

import org.jspecify.annotations.NullMarked;
