/** Credentials: AES-256-GCM sealing and opening, the time window. */
@NullMarked
package com.cagen.quota.credential;

import org.jspecify.annotations.NullMarked;
