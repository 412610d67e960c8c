/** For other services' verticles: typed requests to the quota service over the event bus. Needs nothing but vertx-core. */
@NullMarked
package com.cagen.quota.client;

import org.jspecify.annotations.NullMarked;
