/** Quotas and what is held of them, as records. Nothing here does IO, reads a clock or makes an id. */
@NullMarked
package com.cagen.quota.domain.quota;

import org.jspecify.annotations.NullMarked;
