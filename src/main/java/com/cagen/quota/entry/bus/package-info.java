/** The public addresses of the operations on the event bus. */
@NullMarked
package com.cagen.quota.entry.bus;

import org.jspecify.annotations.NullMarked;
