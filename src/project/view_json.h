// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "project/run_types.h"

namespace godwit {

// A view as the control socket and --json carry it.
nlohmann::json ToJson(const ProjectView& view);
ProjectView ViewFromJson(const nlohmann::json& json);
nlohmann::json ToJson(const Finding& finding);
nlohmann::json ToJson(const RunOutcome& outcome);
RunOutcome OutcomeFromJson(const nlohmann::json& json);

}  // namespace godwit
