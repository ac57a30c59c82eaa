// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/command_context.h"
#include "project/projects.h"

namespace godwit {

// Runs a project in this process, shown as the context wants it; returns the exit code.
int RunShown(const CommandContext& context, Projects& projects, const StoredProject& project,
             const ProjectSpec& spec, RunOptions options);

// The end of a run that could not begin: an error, and where it is not the command's own fault a
// summary.
int ReportFailure(const CommandContext& context, const Error& error);

}  // namespace godwit
