/** The event bus between verticles and nodes. Nothing outside this package touches the event bus. */
@NullMarked
package com.cagen.quota.messaging;

import org.jspecify.annotations.NullMarked;
