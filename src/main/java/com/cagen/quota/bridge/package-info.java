/** The bridges: the public addresses of the event bus for clients in any language, over TCP and SockJS. Off by default. */
@NullMarked
package com.cagen.quota.bridge;

import org.jspecify.annotations.NullMarked;
