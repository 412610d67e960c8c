/** A node: what it starts, in which order, and how it stops. */
@NullMarked
package com.cagen.quota.node;

import org.jspecify.annotations.NullMarked;
