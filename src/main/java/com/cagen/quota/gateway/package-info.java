/** The event-bus front door for JSON bodies of any sender. */
@NullMarked
package com.cagen.quota.gateway;

import org.jspecify.annotations.NullMarked;
