/** SQL beside its row mapping, the pool, the embedded PostgreSQL, migrations. */
@NullMarked
package com.cagen.quota.storage;

import org.jspecify.annotations.NullMarked;
