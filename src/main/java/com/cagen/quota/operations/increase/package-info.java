/** Asking for a larger quota, and deciding about it. */
@NullMarked
package com.cagen.quota.operations.increase;

import org.jspecify.annotations.NullMarked;
