/** What the auth service is asked and told, and the built-in auth service. */
@NullMarked
package com.cagen.quota.auth;

import org.jspecify.annotations.NullMarked;
