/** Requests and their answers, as records. Nothing here does IO, reads a clock or makes an id. */
@NullMarked
package com.cagen.quota.domain.request;

import org.jspecify.annotations.NullMarked;
