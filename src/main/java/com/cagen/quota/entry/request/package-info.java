/** Authenticates and decodes requests, whatever way they came in. */
@NullMarked
package com.cagen.quota.entry.request;

import org.jspecify.annotations.NullMarked;
