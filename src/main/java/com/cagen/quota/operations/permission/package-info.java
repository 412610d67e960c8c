/** Who may do what on a quota. */
@NullMarked
package com.cagen.quota.operations.permission;

import org.jspecify.annotations.NullMarked;
