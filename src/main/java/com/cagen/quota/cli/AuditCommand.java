package com.cagen.quota.cli;

import picocli.CommandLine.Command;

/** Holds the commands about the audit trail. */
@Command(name = "audit", description = "The audit trail.", subcommands = AuditVerifyCommand.class)
final class AuditCommand {}
