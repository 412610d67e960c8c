/** The bridges from the event bus to other languages, by TCP and by SockJS. */
@NullMarked
package com.cagen.quota.entry.bridge;

import org.jspecify.annotations.NullMarked;
