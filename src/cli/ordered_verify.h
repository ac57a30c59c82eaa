// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "cli/command_context.h"
#include "project/projects.h"

namespace godwit {

// Has the process that runs the project compare, while it goes on with its own work, and shows that
// as a run of this process; returns the exit code. nullopt: nobody runs the project.
std::optional<int> VerifyBeside(const CommandContext& context, Projects& projects,
                                const StoredProject& project, const RunOptions& options);

}  // namespace godwit
