/** What the service does by itself: its own operations, when they are due. */
@NullMarked
package com.cagen.quota.upkeep;

import org.jspecify.annotations.NullMarked;
