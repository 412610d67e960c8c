/** Asks the auth service and tells it of grants, over HTTP. */
@NullMarked
package com.cagen.quota.auth.client;

import org.jspecify.annotations.NullMarked;
