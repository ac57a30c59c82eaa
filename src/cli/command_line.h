// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "endpoint/registry.h"

namespace godwit {

// The program but for its list of connectors: runs one command and returns the exit code. `args`
// without the program's own name. Call BlockSignals first, before any thread is started.
int RunCommandLine(const Registry& registry, std::vector<std::string> args);

// Copies the arguments and overwrites passwords in the originals, which `ps` shows; warns on
// standard error where there were any.
std::vector<std::string> TakeArguments(int argc, char** argv);

}  // namespace godwit
