/** Capacity that is held for a while, before it is used. */
@NullMarked
package com.cagen.quota.operations.reservation;

import org.jspecify.annotations.NullMarked;
