/** What one operation says of itself: its fields, the rows it needs, who may do it, what it decides and answers. */
@org.jspecify.annotations.NullMarked
package com.cagen.quota.engine.operation;
