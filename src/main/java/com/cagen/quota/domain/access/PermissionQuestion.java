package com.cagen.quota.domain.access;

import com.cagen.quota.protocol.Caller;

/** What the auth service is asked: which of read and admin {@code caller} holds on the resource (a quota's id). */
public record PermissionQuestion(Caller caller, String resourceId) {}
