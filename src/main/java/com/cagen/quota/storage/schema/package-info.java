/** Migrations of the schema, and the checks at the start that row-level security holds. */
@NullMarked
package com.cagen.quota.storage.schema;

import org.jspecify.annotations.NullMarked;
