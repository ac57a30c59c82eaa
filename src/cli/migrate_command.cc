// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command_context.h"
#include "cli/project_flags.h"
#include "cli/shown_run.h"

namespace godwit {
namespace {

void Add(CLI::App& app, CommandContext& context, const char* name, const char* help,
         RunPurpose purpose) {
  CLI::App* command = app.add_subcommand(name, help);
  auto flags = std::make_shared<ProjectFlags>();
  flags->AddTo(*command);
  flags->AddRunFlagsTo(*command);
  command->callback([&context, flags, purpose] {
    context.follows_run = true;
    context.lists_checks = purpose == RunPurpose::kPrecheck;
    context.command = [&context, flags, purpose] {
      const ProjectRequest request = flags->Request();
      RunOptions options = flags->Options();
      options.purpose = purpose;
      OpenState state(context);
      const StoredProject project = state.projects().Create(request);
      return RunShown(context, state.projects(), project, project.spec, std::move(options));
    };
  });
}

}  // namespace

void AddMigrate(CLI::App& app, CommandContext& context) {
  Add(app, context, "migrate", "Migrate, and follow the source until interrupted",
      RunPurpose::kMigrate);
}

void AddPrecheck(CLI::App& app, CommandContext& context) {
  Add(app, context, "precheck", "Only check whether the migration can go well",
      RunPurpose::kPrecheck);
}

}  // namespace godwit
