// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "metadata/metadata.h"
#include "project/runner.h"

namespace godwit {

std::string CountText(int64_t n);      // 1,234,567
std::string BytesText(int64_t bytes);  // 12.3 MB
std::string TimeText(double seconds);  // 0.4 s, 34 s, 1:05, 2:03:09
std::string MomentText(int64_t us);    // 2024-05-01 12:00:00.123456 UTC
// "2024-05-01", "2024-05-01 12:00[:00[.5]]" or with 'T', UTC, also with a 'Z'; or µs as a number.
// Throws TIME_INVALID.
int64_t ParseMoment(std::string_view text);

// Code, message, cause and remedy on lines of their own.
std::string ErrorText(const ErrorFields& error);
// The command that answers what is blocked, with the choices there are.
std::string AnswerCommand(const Finding& finding, std::string_view project);
// What is blocked and how to answer.
std::string FindingText(const Finding& finding, std::string_view project);
std::string LeftOutText(const Finding& finding);
std::string StageText(const StageView& stage);
std::string FlowText(const FlowView& flow);
// Writes a line for people at once. Nobody may be reading: that ends no run.
void Say(std::FILE* file, std::string_view text);

}  // namespace godwit
