/** The HTTP front door: routes, answers, errors, health, metrics. */
@NullMarked
package com.cagen.quota.http;

import org.jspecify.annotations.NullMarked;
