/** The embedded PostgreSQL: its programs, its process, its files. */
@NullMarked
package com.cagen.quota.storage.embedded;

import org.jspecify.annotations.NullMarked;
