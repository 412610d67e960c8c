/** The built-in auth service, which speaks the same protocol as any other. */
@NullMarked
package com.cagen.quota.auth.builtin;

import org.jspecify.annotations.NullMarked;
