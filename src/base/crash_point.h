// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

namespace godwit {

// A named moment at a durable transition. Does nothing unless GODWIT_CRASH_POINT names it
// ("name" or "name:n" for the n-th passage, counted from 1): then the process kills itself with
// SIGKILL, as a crash would. Compiled in always, so that what is tested is what is shipped.
void CrashPoint(std::string_view name);

// Every name in the product, for the crash sweep (`godwit` prints them with --crash-points).
// CrashPoint checks that its name is listed.
const std::vector<std::string_view>& AllCrashPoints();

}  // namespace godwit
