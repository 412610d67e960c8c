/** The only users of the event bus: addresses, codecs, clients and servers. */
@NullMarked
package com.cagen.quota.bus;

import org.jspecify.annotations.NullMarked;
