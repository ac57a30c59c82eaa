// SPDX-License-Identifier: Apache-2.0
#include "project/ask_user.h"

#include <nlohmann/json.hpp>

#include "base/deadline.h"
#include "stage/journal.h"

namespace godwit {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr auto kPoll = 200ms;  // the answer may come from another process

std::string DetailOf(const BlockedItem& item) {
  json detail = {{"statement", item.statement},
                 {"converted", item.converted},
                 {"error", ToJson(item.error.fields())}};
  return detail.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool IsSame(const Finding& finding, const BlockedItem& item) {
  if (finding.stage != item.stage || finding.kind != item.kind || finding.object != item.object) {
    return false;
  }
  json detail = json::parse(finding.detail, nullptr, false);
  if (!detail.is_object()) return false;
  if (detail.value("statement", "") != item.statement) return false;
  // Rows of one table differ by what their error names.
  if (item.kind != "row") return true;
  json error = detail.value("error", json::object());
  return error.value("object", "") == item.error.fields().object &&
         error.value("message", "") == item.error.fields().message;
}

// An unanswered one of an earlier run, or one answered while nobody ran.
std::optional<Finding> TakeUp(Metadata& metadata, int64_t project, const BlockedItem& item) {
  for (const Finding& finding : metadata.Findings(project, "")) {
    if (finding.status != "closed" && IsSame(finding, item)) return finding;
  }
  return {};
}

}  // namespace

std::optional<Answer> AnswerOf(const Finding& finding) {
  if (finding.status == "retry") return Answer{Answer::Choice::kRetry, ""};
  if (finding.status == "skip") return Answer{Answer::Choice::kSkip, ""};
  if (finding.status == "done") return Answer{Answer::Choice::kDone, ""};
  if (finding.status == "edited") return Answer{Answer::Choice::kEdit, finding.answer};
  return {};
}

std::vector<Finding> LeftOutRowsOf(Metadata& metadata, int64_t project) {
  std::vector<Finding> rows = metadata.Findings(project, "closed");
  std::erase_if(rows, [](const Finding& f) { return f.kind != "row" || f.answer != "skip"; });
  return rows;
}

AskUser MakeAskUser(Metadata& metadata, int64_t project,
                    std::optional<std::chrono::milliseconds> timeout) {
  return [&metadata, project, timeout](const BlockedItem& item, std::stop_token stop) {
    Finding finding{.stage = item.stage,
                    .kind = item.kind,
                    .object = item.object,
                    .status = "open",
                    .detail = DetailOf(item)};
    if (auto earlier = TakeUp(metadata, project, item)) {
      finding.id = earlier->id;
      finding.status = earlier->status;
      finding.answer = earlier->answer;
      metadata.UpdateFinding(project, finding);
    } else {
      finding.id = metadata.AddFinding(project, finding);
    }
    const Deadline deadline = timeout ? Deadline::In(*timeout) : Deadline::Never();
    for (;;) {
      auto now = metadata.FindFinding(project, finding.id);
      if (!now) throw item.error;  // the project was removed
      if (auto answer = AnswerOf(*now)) {
        // Consumed: what blocks again is asked again.
        if (answer->choice != Answer::Choice::kEdit) now->answer = now->status;
        now->status = "closed";
        metadata.UpdateFinding(project, *now);
        return *answer;
      }
      if (deadline.has_passed()) throw item.error;
      if (WaitForStop(stop, Deadline::In(kPoll))) throw Stopped();
    }
  };
}

}  // namespace godwit
