// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/error.h"
#include "project/runner.h"

namespace godwit {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitPrecheck = 3;
inline constexpr int kExitInconsistent = 4;
inline constexpr int kExitBlocked = 5;

// `signal`: the one that ended the run, 0 for none.
int ExitCodeOf(const RunOutcome& outcome, int signal);
// Whether what is wrong is the command itself: exit code 2, no summary.
bool IsUsageError(const Error& error);
// The summary's word: "unsettled" is shown as blocked, as its exit code is.
std::string SummaryStatus(const RunOutcome& outcome);

}  // namespace godwit
