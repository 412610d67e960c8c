/** The HTTP API: routes, limits, answers. */
@NullMarked
package com.cagen.quota.entry.http;

import org.jspecify.annotations.NullMarked;
