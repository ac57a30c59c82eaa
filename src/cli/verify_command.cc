// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command_context.h"
#include "cli/ordered_verify.h"
#include "cli/project_flags.h"
#include "cli/shown_run.h"
#include "project/spec.h"
#include "stage/journal.h"

namespace godwit {
namespace {

struct VerifyFlags {
  ProjectFlags project;
  std::string name;
  std::vector<std::string> tables;
  bool correct = false;
};

// Compares a stored project's tables: with its changes applied up to now where it follows them.
ProjectSpec OfStored(ProjectSpec spec) {
  const bool follows = spec.Has(MigrationType::kIncremental);
  spec.types = ParseTypes(follows ? "incremental,verification" : "verification");
  return spec;
}

// What a stored project compares is said by the project.
void RefuseOtherWords(const ProjectRequest& request) {
  if (!request.source && !request.destination && !request.objects && !request.exclude &&
      !request.name && !request.collations) {
    return;
  }
  throw Error({.code = "FLAGS_CONTRADICT",
               .kind = ErrorKind::kBlocked,
               .message = "the name of a stored project, and flags that say what to compare",
               .cause = "a stored project knows its ends and objects",
               .remedy = "give the name alone, with tables behind it for some only; or leave it "
                         "out and give --source, --destination and --objects"});
}

// Changes are replayed meanwhile, for which the destination must be as the stages leave it: without
// its foreign keys what they do to rows would be lost.
void RequireCopied(Projects& projects, const StoredProject& project) {
  const StageJournal stages(projects.metadata(), project.record.id, "stages");
  const bool makes_tables = project.spec.Has(MigrationType::kSchema);
  const bool copies = project.spec.Has(MigrationType::kFull);
  const bool is_through = (!makes_tables || stages.IsDone("schema")) &&
                          (!copies || stages.IsDone("full")) &&
                          (!(makes_tables || copies) || stages.IsDone("indexes"));
  if (is_through) return;
  const std::string& name = project.record.name;
  throw Error({.code = "PROJECT_NOT_COPIED",
               .kind = ErrorKind::kBlocked,
               .object = name,
               .message = "the tables of project " + name + " are not all made and copied yet",
               .cause = "its stages before the changes (schema, full, indexes) are not through",
               .remedy = "let it copy first: godwit project resume " + name});
}

int Verify(const CommandContext& context, const VerifyFlags& flags) {
  ProjectRequest request = flags.project.Request();
  RunOptions options = flags.project.Options();
  options.correct = flags.correct;
  options.stop_when_caught_up = true;
  OpenState state(context);
  Projects& projects = state.projects();
  if (!flags.name.empty()) {
    RefuseOtherWords(request);
    options.tables = flags.tables;
    const StoredProject project = projects.Find(flags.name);
    if (auto code = VerifyBeside(context, projects, project, options)) return *code;
    RequireCopied(projects, project);
    options.purpose = RunPurpose::kCompare;
    return RunShown(context, projects, project, OfStored(project.spec), std::move(options));
  }
  request.types = ParseTypes("verification");
  // Not the name that a migration of the same objects has.
  if (!request.name) request.name = "verify-" + DefaultName(MakeSpec(request));
  const StoredProject project = projects.Create(request);
  return RunShown(context, projects, project, project.spec, std::move(options));
}

}  // namespace

void AddVerify(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("verify", "Compare both sides, row by row");
  auto flags = std::make_shared<VerifyFlags>();
  command->add_option("NAME", flags->name,
                      "A stored project; or give --source, --destination and "
                      "--objects");
  command->add_option("TABLES", flags->tables,
                      "Only these tables of a stored project: db.table, or a pattern; of the "
                      "source's names");
  flags->project.AddTo(*command);
  command->add_flag("--correct", flags->correct, "Make the destination's rows as the source's are");
  command->callback([&context, flags] {
    context.follows_run = true;
    context.command = [&context, flags] { return Verify(context, *flags); };
  });
}

}  // namespace godwit
