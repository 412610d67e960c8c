/** Lanes, batches and the one executor: how operations share transactions, whatever they do. */
@NullMarked
package com.cagen.quota.engine;

import org.jspecify.annotations.NullMarked;
