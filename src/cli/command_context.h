// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "endpoint/registry.h"
#include "project/projects.h"

namespace CLI {
class App;
}

namespace godwit {

// What every command is given: the connectors and the flags that all commands know.
struct CommandContext {
  const Registry& registry;
  std::string state_directory;
  bool json = false;
  bool verbose = false;       // lists are shown whole
  bool lists_checks = false;  // precheck's passed and skipped items are shown too
  bool follows_run = false;   // its answer ends with a summary line
  size_t names_shown() const { return verbose ? std::numeric_limits<size_t>::max() : 10; }
  // Set by the command line's parser to the command that was given; returns the exit code.
  std::function<int()> command;
};

// The state directory, opened. Throws what StateDirectory and Metadata throw.
class OpenState {
 public:
  explicit OpenState(const CommandContext& context)
      : directory_(context.state_directory),
        metadata_(Metadata::Open(directory_.metadata())),
        projects_(directory_, *metadata_, context.registry) {}
  Projects& projects() { return projects_; }

 private:
  StateDirectory directory_;
  std::unique_ptr<Metadata> metadata_;
  Projects projects_;
};

// Each adds its command to the parser; the context outlives it.
void AddMigrate(CLI::App& app, CommandContext& context);
void AddPrecheck(CLI::App& app, CommandContext& context);
void AddVerify(CLI::App& app, CommandContext& context);
void AddProject(CLI::App& app, CommandContext& context);
void AddStore(CLI::App& app, CommandContext& context);
void AddDataSource(CLI::App& app, CommandContext& context);

}  // namespace godwit
