// SPDX-License-Identifier: Apache-2.0
#include "cli/project_flags.h"

#include <CLI/CLI.hpp>

#include "project/spec.h"
#include "stage/precheck.h"

namespace godwit {
namespace {

std::vector<ObjectRule> ParseRules(const std::vector<std::string>& texts) {
  std::vector<ObjectRule> rules;
  for (const std::string& text : texts) rules.push_back(ObjectRule::Parse(text));
  return rules;
}

}  // namespace

void ProjectFlags::AddTo(CLI::App& app) {
  app.add_option("--source", source_, "Where the data is: URL or @NAME of a data source");
  app.add_option("--destination", destination_, "Where it goes: URL or @NAME of a data source");
  app.add_option("--objects", objects_,
                 "What goes: db.pattern, db.pattern=other_db[.table]; again "
                 "for more")
      ->allow_extra_args(false);
  app.add_option("--exclude", exclude_, "What stays: db.pattern; again for more")
      ->allow_extra_args(false);
  app.add_option("--config", config_, "A project file (TOML); flags win over it");
  app.add_option("--name", name_, "The project's name; derived from ends and objects otherwise");
  app.add_flag("--certain", certain_,
               "Verify by sums that are slower and surer (64 bits of SHA-256)");
  app.add_option("--skip-check", skipped_checks_, "Precheck items not to judge");
  AddAnswerFlagsTo(app);
}

void ProjectFlags::AddAnswerFlagsTo(CLI::App& app) {
  app.add_option("--blocked-timeout", blocked_timeout_,
                 "Seconds a blocked item waits for an answer; without a terminal 0, else for ever")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--yes", yes_, "Go on in spite of precheck's warnings");
}

void ProjectFlags::AddRunFlagsTo(CLI::App& app) {
  app.add_option("--types", types_, "schema,full,incremental,verification (default: all)");
  AddStopFlagTo(app);
  app.add_flag("--merge", merge_, "Let the changes of one transaction spread over connections");
}

void ProjectFlags::AddStopFlagTo(CLI::App& app) {
  app.add_flag("--stop-when-caught-up", stop_when_caught_up_,
               "End when the destination has all that was in the source's log");
}

void ProjectFlags::AddResumeFlagsTo(CLI::App& app) {
  AddStopFlagTo(app);
  AddAnswerFlagsTo(app);
}

ProjectRequest ProjectFlags::Request() const {
  ProjectRequest flags;
  if (!name_.empty()) flags.name = name_;
  if (!source_.empty()) flags.source = source_;
  if (!destination_.empty()) flags.destination = destination_;
  if (!objects_.empty()) flags.objects = ParseRules(objects_);
  if (!exclude_.empty()) flags.exclude = ParseRules(exclude_);
  if (!types_.empty()) flags.types = ParseTypes(types_);
  if (!skipped_checks_.empty()) flags.skipped_checks = skipped_checks_;
  if (merge_) flags.merge = true;
  if (certain_) flags.certain = true;
  ProjectRequest request = config_.empty() ? flags : flags.Over(ReadProjectFile(config_));
  if (request.skipped_checks) RequireItems(*request.skipped_checks);
  return request;
}

RunOptions ProjectFlags::Options() const {
  RunOptions options;
  options.stop_when_caught_up = stop_when_caught_up_;
  options.accept_warnings = yes_;
  options.certain = certain_;
  if (blocked_timeout_ >= 0) {
    options.blocked_timeout =
        std::chrono::milliseconds(static_cast<int64_t>(blocked_timeout_ * 1000));
  }
  return options;
}

}  // namespace godwit
