// SPDX-License-Identifier: Apache-2.0
#include "project/ask_user.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/crash_point.h"
#include "base/deadline.h"
#include "stage/journal.h"

namespace godwit {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr auto kPoll = 200ms;  // the answer may come from another process

std::string Dump(const json& detail) {
  return detail.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string DetailOf(const BlockedItem& item) {
  json detail = {{"statement", item.statement},
                 {"converted", item.converted},
                 {"error", ToJson(item.error.fields())}};
  if (item.span.last != 0) detail["sequences"] = json::array({item.span.first, item.span.last});
  if (!item.row.empty()) detail["row"] = item.row;
  return Dump(detail);
}

json ErrorOf(const json& detail) { return detail.value("error", json::object()); }

bool IsSame(const Finding& finding, const BlockedItem& item) {
  if (finding.stage != item.stage || finding.kind != item.kind || finding.object != item.object) {
    return false;
  }
  const json detail = json::parse(finding.detail, nullptr, false);
  if (!detail.is_object()) return false;
  // A row's text is cut, and loses bytes that are no text. An earlier version had only that.
  const bool has_row = detail.contains("row");
  const bool looks_same = has_row ? detail.value("row", "") == item.row
                                  : detail.value("statement", "") == item.statement;
  if (!looks_same) return false;
  // A window may be merged otherwise when it is replayed again, and a row that was written by hand
  // meanwhile fails otherwise.
  if (item.span.last != 0) return Overlap(SpanOf(finding), item.span);
  // Rows of one table's copy that look the same differ by what their error names.
  if (has_row || item.kind != "row") return true;
  const json error = ErrorOf(detail);
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

// Consumed: what blocks again is asked again.
void Close(Metadata& metadata, int64_t project, Finding finding) {
  if (finding.status != "edited") finding.answer = finding.status;
  finding.status = "closed";
  metadata.UpdateFinding(project, finding);
  CrashPoint("answer-after-taken");
}

// What was given up stays so: the run that took the answer may have ended before it was of use.
std::optional<Answer> StandingAnswer(const Finding& finding) {
  if (finding.status != "closed") return {};
  if (finding.answer == "skip") return Answer{Answer::Choice::kSkip, ""};
  if (finding.answer == "done") return Answer{Answer::Choice::kDone, ""};
  return {};
}

// Who takes an answer keeps it: what an earlier version asked names no row yet, and a window may
// come again as single transactions, with the same row in several of them.
std::string ClaimedDetail(const Finding& finding, const BlockedItem& item) {
  json detail = json::parse(finding.detail);
  if (!item.row.empty()) detail["row"] = item.row;
  if (item.span.last != 0) {
    const LogSpan span = SpanOf(finding);
    detail["sequences"] =
        json::array({std::max(span.first, item.span.first), std::min(span.last, item.span.last)});
  }
  return Dump(detail);
}

// Rows that are the same to the byte have an answer each, so that each is counted. Which of them
// takes which makes no difference: the first ones are those of the rows given up before.
std::optional<Answer> TakeGiven(Metadata& metadata, int64_t project, const BlockedItem& item) {
  uint64_t before = item.alike;
  for (Finding& finding : metadata.Findings(project, "")) {
    if (!IsSame(finding, item)) continue;
    const auto standing = StandingAnswer(finding);
    const auto answer = standing ? standing : AnswerOf(finding);
    if (!answer || before-- > 0) continue;
    std::string detail = ClaimedDetail(finding, item);
    const bool is_news = detail != finding.detail;
    finding.detail = std::move(detail);
    if (!standing) {
      Close(metadata, project, std::move(finding));
    } else if (is_news) {
      metadata.UpdateFinding(project, finding);
    }
    return answer;
  }
  return {};
}

// A row of a copy that was given up, by a run that ended before it had noted so.
bool IsGivenUp(Metadata& metadata, int64_t project, const BlockedItem& item) {
  if (item.row.empty() || item.span.last != 0) return false;
  const std::vector<Finding> closed = metadata.Findings(project, "closed");
  return std::any_of(closed.begin(), closed.end(), [&](const Finding& finding) {
    return finding.answer == "skip" && IsSame(finding, item);
  });
}

Answer AskAndWait(Metadata& metadata, int64_t project,
                  std::optional<std::chrono::milliseconds> timeout, const BlockedItem& item,
                  std::stop_token stop) {
  Finding finding{.stage = item.stage,
                  .kind = item.kind,
                  .object = item.object,
                  .status = "open",
                  .detail = DetailOf(item)};
  if (item.span.last != 0) {  // of one occasion
    if (auto given = TakeGiven(metadata, project, item)) return *given;
  }
  if (IsGivenUp(metadata, project, item)) return {Answer::Choice::kSkip, ""};
  if (auto earlier = TakeUp(metadata, project, item)) {
    finding.id = earlier->id;
    finding.status = earlier->status;
    finding.answer = earlier->answer;
    // An answer may come at any moment: nothing is written over it without need.
    if (finding.detail != earlier->detail) metadata.UpdateFinding(project, finding);
  } else {
    finding.id = metadata.AddFinding(project, finding);
  }
  const Deadline deadline = timeout ? Deadline::In(*timeout) : Deadline::Never();
  for (;;) {
    auto now = metadata.FindFinding(project, finding.id);
    if (!now) throw item.error;  // the project was removed
    if (auto answer = AnswerOf(*now)) {
      Close(metadata, project, std::move(*now));
      return *answer;
    }
    if (deadline.has_passed()) throw item.error;
    if (WaitForStop(stop, Deadline::In(kPoll))) throw Stopped();
  }
}

}  // namespace

std::optional<Answer> AnswerOf(const Finding& finding) {
  if (finding.status == "retry") return Answer{Answer::Choice::kRetry, ""};
  if (finding.status == "skip") return Answer{Answer::Choice::kSkip, ""};
  if (finding.status == "done") return Answer{Answer::Choice::kDone, ""};
  if (finding.status == "edited") return Answer{Answer::Choice::kEdit, finding.answer};
  return {};
}

SkippedItems SkippedOf(Metadata& metadata, int64_t project) {
  SkippedItems out;
  for (Finding& finding : metadata.Findings(project, "closed")) {
    if (finding.answer != "skip") continue;
    auto& kind = finding.kind == "row" ? out.rows : out.others;
    kind.push_back(std::move(finding));
  }
  return out;
}

bool WaitsForAnswer(Metadata& metadata, int64_t project, const Error& error) {
  for (const Finding& finding : metadata.Findings(project, "open")) {
    const json detail = json::parse(finding.detail, nullptr, false);
    if (detail.is_object() && ErrorOf(detail).value("code", "") == error.code()) return true;
  }
  return false;
}

AskUser MakeAskUser(Metadata& metadata, int64_t project,
                    std::optional<std::chrono::milliseconds> timeout) {
  return AskUser(
      [&metadata, project, timeout](const BlockedItem& item, std::stop_token stop) {
        return AskAndWait(metadata, project, timeout, item, stop);
      },
      [&metadata, project](const BlockedItem& item) { return TakeGiven(metadata, project, item); });
}

}  // namespace godwit
