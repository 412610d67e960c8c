/**
 * What clients and the service share: credentials, error codes, the words of the contract. Uses no other package of the project.
 */
@NullMarked
package com.cagen.quota.protocol;

import org.jspecify.annotations.NullMarked;
