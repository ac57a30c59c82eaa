// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "project/project_request.h"
#include "project/runner.h"

namespace CLI {
class App;
}

namespace godwit {

// The flags that say what a project is; `migrate`, `precheck` and `verify` share them,
// `project resume` has some.
class ProjectFlags {
 public:
  void AddTo(CLI::App& app);
  void AddRunFlagsTo(CLI::App& app);     // --types, --merge, --stop-when-caught-up
  void AddResumeFlagsTo(CLI::App& app);  // those that are no part of the project

  // Of the flags over those of --config. Throws RULE_INVALID, TYPES_INVALID, CONFIG_INVALID,
  // ITEM_UNKNOWN.
  ProjectRequest Request() const;
  // The flags that are no part of the project.
  RunOptions Options() const;

 private:
  void AddAnswerFlagsTo(CLI::App& app);
  void AddStopFlagTo(CLI::App& app);

  std::string source_;
  std::string destination_;
  std::vector<std::string> objects_;
  std::vector<std::string> exclude_;
  std::string config_;
  std::string types_;
  std::string name_;
  std::vector<std::string> skipped_checks_;
  double blocked_timeout_ = -1;
  bool stop_when_caught_up_ = false;
  bool merge_ = false;
  bool certain_ = false;
  bool yes_ = false;
};

}  // namespace godwit
