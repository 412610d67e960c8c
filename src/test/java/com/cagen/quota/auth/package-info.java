/** Tests of the auth service's client, outbox and built-in service. */
@NullMarked
package com.cagen.quota.auth;

import org.jspecify.annotations.NullMarked;
