/** Typed configuration, read once and validated as a whole. */
@NullMarked
package com.cagen.quota.config;

import org.jspecify.annotations.NullMarked;
