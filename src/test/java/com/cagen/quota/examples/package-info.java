/** Code to copy: how a verticle of another service asks for capacity. */
@NullMarked
package com.cagen.quota.examples;

import org.jspecify.annotations.NullMarked;
