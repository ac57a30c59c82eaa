// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "metadata/metadata.h"
#include "pipeline/blocked.h"

namespace godwit {

// Asks by way of the metadata: writes an open finding and waits until any process has answered it.
// A finding of an earlier run about the same thing is taken up, with its answer if it has one.
// Throws the item's error after `timeout` (nullopt: waits for ever); the finding then stays open.
AskUser MakeAskUser(Metadata& metadata, int64_t project,
                    std::optional<std::chrono::milliseconds> timeout);

// What was answered by leaving it out, in all runs.
struct SkippedItems {
  std::vector<Finding> rows;
  std::vector<Finding> others;  // statements, objects, and a table's changes in one transaction
};
SkippedItems SkippedOf(Metadata& metadata, int64_t project);

// Whether the error that ended a run is that of an item which waits for its answer.
bool WaitsForAnswer(Metadata& metadata, int64_t project, const Error& error);

// The answer as a finding's status carries it; nullopt while it is open or closed.
std::optional<Answer> AnswerOf(const Finding& finding);

}  // namespace godwit
