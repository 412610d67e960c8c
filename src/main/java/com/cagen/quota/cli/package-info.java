/** The command line: one class for each command. */
@NullMarked
package com.cagen.quota.cli;

import org.jspecify.annotations.NullMarked;
