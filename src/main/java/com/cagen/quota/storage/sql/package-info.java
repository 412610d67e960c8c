/** Connections, transactions and statements. */
@NullMarked
package com.cagen.quota.storage.sql;

import org.jspecify.annotations.NullMarked;
