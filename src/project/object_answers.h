// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "metadata/metadata.h"
#include "pipeline/blocked.h"

namespace godwit {

// The objects of a stage that failed one by one; each is the user's to decide. What he says goes
// into the stage's journal.

// Obeys what was answered while nobody ran, before the objects are tried again.
void ObeyGivenAnswers(Metadata& metadata, int64_t project, const std::string& stage,
                      const AskUser& ask);
// Asks about each. Throws Stopped, or an object's error where nobody answers.
void AskAboutFailed(Metadata& metadata, int64_t project, const std::string& stage,
                    const AskUser& ask, std::stop_token stop);

}  // namespace godwit
