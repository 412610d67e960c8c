/** Several nodes, each a JVM of its own, and what may happen to them. */
@NullMarked
package com.cagen.quota.cluster;

import org.jspecify.annotations.NullMarked;
