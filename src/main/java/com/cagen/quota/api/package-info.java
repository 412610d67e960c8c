/** Where a request becomes a typed, validated record: the OpenAPI document, the schemas compiled from it, and the decoding that HTTP and the event bus share. */
@NullMarked
package com.cagen.quota.api;

import org.jspecify.annotations.NullMarked;
