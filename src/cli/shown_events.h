// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "cli/command_context.h"
#include "cli/run_events.h"

namespace godwit {

// A person at a terminal can be asked.
bool IsInteractive(const CommandContext& context);

// All that a run is told to: the terminal or a pipe, with --json the events and a person's notes on
// standard error, and the state directory's log. May be called from several threads.
std::unique_ptr<RunEvents> MakeShownEvents(const CommandContext& context,
                                           const std::string& log_file);

}  // namespace godwit
