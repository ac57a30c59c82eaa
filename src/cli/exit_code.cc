// SPDX-License-Identifier: Apache-2.0
#include "cli/exit_code.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace godwit {

int ExitCodeOf(const RunOutcome& outcome, int signal) {
  if (outcome.status == "completed" || outcome.status == "completed_unverified") return kExitOk;
  if (outcome.status == "precheck_failed") return kExitPrecheck;
  if (outcome.status == "inconsistent") return kExitInconsistent;
  if (outcome.status == "blocked" || outcome.status == "unsettled") return kExitBlocked;
  // Without a signal it was released by another command.
  if (outcome.status == "interrupted" && signal != 0) return 128 + signal;
  return kExitFailed;
}

bool IsUsageError(const Error& error) {
  static constexpr std::array<std::string_view, 19> kCodes = {
      "RULE_INVALID",     "URL_INVALID",       "URL_SCHEME_UNKNOWN", "PASSWORD_UNREADABLE",
      "CONFIG_INVALID",   "CONFIG_UNREADABLE", "TYPES_INVALID",      "NAME_INVALID",
      "FLAGS_MISSING",    "PROJECT_CONFLICT",  "PROJECT_UNKNOWN",    "DATA_SOURCE_UNKNOWN",
      "ITEM_UNKNOWN",     "ITEM_AMBIGUOUS",    "CHOICE_INVALID",     "OBJECT_UNKNOWN",
      "FLAGS_CONTRADICT", "TIME_INVALID",      "URL_OPTION_INVALID"};
  return std::find(kCodes.begin(), kCodes.end(), error.code()) != kCodes.end();
}

std::string SummaryStatus(const RunOutcome& outcome) {
  return outcome.status == "unsettled" ? "blocked" : outcome.status;
}

}  // namespace godwit
