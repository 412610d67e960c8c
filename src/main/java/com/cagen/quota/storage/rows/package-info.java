/** The statements on each table, beside their row mapping. */
@NullMarked
package com.cagen.quota.storage.rows;

import org.jspecify.annotations.NullMarked;
