/** What the tests share: databases, the service under test, clients. */
@NullMarked
package com.cagen.quota.testing;

import org.jspecify.annotations.NullMarked;
