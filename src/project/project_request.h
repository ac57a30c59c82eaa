// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/project_spec.h"

namespace godwit {

// What a user says about a project, by flags or in a project file. What he does not say is empty
// and keeps its stored or default value.
struct ProjectRequest {
  std::optional<std::string> name;
  std::optional<std::string> source;  // URL, maybe with its password, or @NAME
  std::optional<std::string> destination;
  std::optional<std::vector<ObjectRule>> objects;
  std::optional<std::vector<ObjectRule>> exclude;
  std::optional<std::vector<MigrationType>> types;
  std::optional<std::map<std::string, std::string>> collations;
  std::optional<std::vector<std::string>> skipped_checks;
  std::optional<bool> defer_indexes;
  std::optional<bool> merge;
  std::optional<bool> certain;
  std::optional<std::string> heartbeat_database;
  std::optional<std::vector<std::string>> replicas;
  std::map<std::string, uint64_t> limits;  // by the names of the project file

  // This one's words where it has them, else the other's.
  ProjectRequest Over(const ProjectRequest& other) const;
};

// Reads a project file (docs/user-guide.md). Throws CONFIG_UNREADABLE, CONFIG_INVALID with the
// line.
ProjectRequest ReadProjectFile(const std::string& path);
ProjectRequest ParseProjectFile(std::string_view text, const std::string& path);

// A new project's spec. Throws FLAGS_MISSING, URL_INVALID.
ProjectSpec MakeSpec(const ProjectRequest& request);
// What of the request differs from the stored spec and cannot be changed once the project has
// begun: one sentence each.
std::vector<std::string> Conflicts(const ProjectRequest& request, const ProjectSpec& stored);
// The stored spec with what the request may change.
ProjectSpec Changed(const ProjectRequest& request, ProjectSpec stored);

// "shop-3f2a1c": from the first rule and a hash of both ends and all rules.
std::string DefaultName(const ProjectSpec& spec);
// Throws NAME_INVALID: a name is also a directory's.
void CheckName(std::string_view name);

// A URL without its password; "@NAME" as it is.
std::string RedactedEnd(const std::string& end);

}  // namespace godwit
