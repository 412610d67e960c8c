@NullMarked
package com.cagen.quota.bus;

import org.jspecify.annotations.NullMarked;
