/** The whole service through its real front doors: nothing here is played by a test, unless it lies outside. */
@NullMarked
package com.cagen.quota.service;

import org.jspecify.annotations.NullMarked;
