/** Every operation of the contract, one class each, and their registry. */
@NullMarked
package com.cagen.quota.operations;

import org.jspecify.annotations.NullMarked;
