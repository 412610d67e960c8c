/** Who may do what, as records and rules. Nothing here does IO, reads a clock or makes an id. */
@NullMarked
package com.cagen.quota.domain.access;

import org.jspecify.annotations.NullMarked;
