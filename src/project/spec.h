// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "model/project_spec.h"

namespace godwit {

// ProjectSpec as it is stored. SpecFromJson throws SPEC_CORRUPT.
std::string ToJsonText(const ProjectSpec& spec);
ProjectSpec SpecFromJson(std::string_view text);

std::string_view ToString(MigrationType type);
// "schema,full,incremental,verification" in any order, without doubles; returned in the order they
// run. Throws TYPES_INVALID.
std::vector<MigrationType> ParseTypes(std::string_view text);

}  // namespace godwit
