// SPDX-License-Identifier: Apache-2.0
#include "base/crash_point.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string>

#include "base/error.h"

namespace godwit {
namespace {

struct Armed {
  std::string name;
  int passage = 1;
};

Armed ReadArmed() {
  const char* value = std::getenv("GODWIT_CRASH_POINT");
  if (value == nullptr) return {};
  std::string text = value;
  size_t colon = text.find(':');
  if (colon == std::string::npos) return {text, 1};
  return {text.substr(0, colon), std::atoi(text.c_str() + colon + 1)};
}

}  // namespace

const std::vector<std::string_view>& AllCrashPoints() {
  static const std::vector<std::string_view> kAll = {
      "project-after-create",
      "project-after-secret",
      "project-after-spec",
      "schema-before-object",
      "schema-after-object-before-journal",
      "schema-after-reopening",
      "fence-after-raise",
      "capture-after-start-point",
      "capture-after-reset",
      "capture-before-ready",
      "capture-before-append",
      "capture-after-append",
      "capture-after-ddl-append",
      "full-after-chunk-planned",
      "full-before-chunk-commit",
      "full-after-chunk-commit-before-journal",
      "full-after-chunk-journal",
      "full-after-exit-point",
      "full-before-snapshot-commit",
      "full-after-snapshot-commit",
      "full-after-group-bounds",
      "full-after-group-table",
      "full-after-emptied",
      "full-after-lost",
      "full-after-row-left-out",
      "full-again-before-bounds",
      "full-again-after-bounds",
      "replay-before-commit",
      "replay-after-commit",
      "store-after-release",
      "ddl-after-intent",
      "ddl-after-run-before-confirm",
      "ddl-after-confirm",
      "indexes-after-create-before-journal",
      "verification-after-round",
      "correction-after-bounds",
      "correction-after-apply",
      "stage-before-done",
      "stage-after-done",
      "answer-after-taken",
      "release-after-lanes",
      "release-after-directory",
  };
  return kAll;
}

void CrashPoint(std::string_view name) {
  static const Armed kArmed = ReadArmed();
  static std::atomic<int> passages{0};
  if (kArmed.name.empty()) return;
  const auto& all = AllCrashPoints();
  GODWIT_CHECK(std::find(all.begin(), all.end(), name) != all.end(),
               "every crash point is listed in AllCrashPoints");
  if (name != kArmed.name) return;
  if (passages.fetch_add(1) + 1 == kArmed.passage) kill(getpid(), SIGKILL);
}

}  // namespace godwit
