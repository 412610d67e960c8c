/** Records, rules and decisions. Nothing here does IO, reads a clock or makes an id; only java.* is used. */
@NullMarked
package com.cagen.quota.domain;

import org.jspecify.annotations.NullMarked;
