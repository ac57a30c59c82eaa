// SPDX-License-Identifier: Apache-2.0
#include "cli/summary_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/exit_code.h"
#include "cli/text.h"

namespace godwit {

using nlohmann::json;

namespace {

std::string WayOn(RunPurpose purpose, const std::string& project) {
  switch (purpose) {
    case RunPurpose::kPrecheck:
      return "check again by the same command; nothing was migrated";
    case RunPurpose::kCompare:
      return "compare again with: godwit verify " + project;
    case RunPurpose::kMigrate:
      break;
  }
  return "go on with: godwit project resume " + project;
}

}  // namespace

std::string SummaryText(const RunOutcome& outcome, const std::string& project, int signal) {
  std::string out;
  if (outcome.error) out += "error " + ErrorText(*outcome.error) + "\n";
  out +=
      fmt::format("{}: {} tables, {} rows, {} changes, {} inconsistent, in {}\n",
                  SummaryStatus(outcome), CountText(static_cast<int64_t>(outcome.tables)),
                  CountText(static_cast<int64_t>(outcome.rows)),
                  CountText(static_cast<int64_t>(outcome.changes)),
                  CountText(static_cast<int64_t>(outcome.inconsistent)), TimeText(outcome.seconds));
  if (outcome.left_out > 0) {
    out += fmt::format("{} rows were skipped as blocked items; see them: godwit project show {}\n",
                       CountText(static_cast<int64_t>(outcome.left_out)), project);
  }
  if (outcome.skipped > 0) {
    out += fmt::format("{} statements or objects were skipped; see them: godwit project show {}\n",
                       CountText(static_cast<int64_t>(outcome.skipped)), project);
  }
  if (!outcome.advice.empty()) {
    out += outcome.advice;
  } else if (outcome.status == "interrupted") {
    out += fmt::format("{}saved; {}\n", signal == 0 ? "" : "interrupted, everything is ",
                       WayOn(outcome.purpose, project));
  } else if (outcome.status == "blocked") {
    out += fmt::format(
        "see what is blocked: godwit project show {}\n"
        "then answer:         godwit project resolve {} ITEM --retry | --skip | "
        "--done | --edit FILE\nand go on with:      godwit project resume {}\n",
        project, project, project);
  } else if (outcome.status == "unsettled") {
    out += fmt::format(
        "some rows changed too often to be compared; compare again: "
        "godwit verify {}\n",
        project);
  } else if (outcome.status == "inconsistent") {
    out += fmt::format(
        "see the rows: godwit project show {}; correct them: godwit verify {} "
        "--correct\n",
        project, project);
  } else if (outcome.status == "failed") {
    out += fmt::format("when the cause is removed, {}\n", WayOn(outcome.purpose, project));
  }
  return out;
}

std::string CheckText(const JournalEntry& entry) {
  const json detail = json::parse(entry.detail, nullptr, false);
  std::string out = fmt::format("precheck {}: {}", entry.status, entry.object);
  if (!detail.is_object()) return out;
  out += ": " + detail.value("message", "");
  for (const char* part : {"cause", "remedy"}) {
    const std::string text = detail.value(part, "");
    if (!text.empty()) out += fmt::format("\n  {}: {}", part, text);
  }
  return out;
}

std::string SelectionText(const SelectionPreview& selection, size_t names) {
  auto more = [](size_t left) {
    return fmt::format("\n  … and {} more (--verbose lists all)", CountText(left));
  };
  std::string out = fmt::format(
      "selected      {} tables, {} views, about {} rows", CountText(selection.tables()),
      CountText(selection.selected.size() - selection.tables()), CountText(selection.rows()));
  for (size_t i = 0; i < std::min(names, selection.selected.size()); ++i) {
    const SelectionPreview::Selected& object = selection.selected[i];
    out +=
        fmt::format("\n  {} -> {}  {}", object.name.ToString(), object.destination.ToString(),
                    object.is_view ? "view" : fmt::format("about {} rows", CountText(object.rows)));
  }
  const bool lists = names > 0;
  if (lists && selection.selected.size() > names) out += more(selection.selected.size() - names);
  if (selection.left_out.empty()) return out;
  std::map<std::string, size_t> reasons;
  for (const auto& object : selection.left_out) ++reasons[object.reason];
  out += "\nleft out     ";
  const char* separator = " ";
  for (const auto& [reason, count] : reasons) {
    out += fmt::format("{}{} ({})", std::exchange(separator, ", "), CountText(count), reason);
  }
  for (size_t i = 0; i < std::min(names, selection.left_out.size()); ++i) {
    out += fmt::format("\n  {}: {}", selection.left_out[i].object, selection.left_out[i].reason);
  }
  if (lists && selection.left_out.size() > names) out += more(selection.left_out.size() - names);
  return out;
}

std::string ChangesText(const std::map<TableName, ChangeCounts>& changes, size_t names) {
  std::vector<std::pair<TableName, ChangeCounts>> tables(changes.begin(), changes.end());
  if (tables.empty()) return "";
  std::stable_sort(tables.begin(), tables.end(),
                   [](const auto& a, const auto& b) { return a.second.all() > b.second.all(); });
  size_t width = 0;
  for (const auto& [name, counts] : tables) width = std::max(width, name.ToString().size());
  std::string out = fmt::format("{:<{}}  {:>12} {:>12} {:>12}\n", "replayed", width + 2, "inserts",
                                "updates", "deletes");
  for (size_t i = 0; i < std::min(names, tables.size()); ++i) {
    const auto& [name, counts] = tables[i];
    out += fmt::format("  {:<{}}  {:>12} {:>12} {:>12}\n", name.ToString(), width,
                       CountText(counts.inserts), CountText(counts.updates),
                       CountText(counts.deletes));
  }
  if (tables.size() > names) {
    out += fmt::format("  … and {} more (--verbose lists all)\n", CountText(tables.size() - names));
  }
  return out;
}

std::string LinkText(const FlowView& flow) {
  auto bytes = [](double speed) { return BytesText(std::llround(speed)); };
  std::string out = fmt::format("captures {}/s", bytes(flow.captured_bytes_per_second));
  if (!flow.replaying) return out;
  out += fmt::format(", replays {}/s, {} rows/s, latency {}", bytes(flow.replayed_bytes_per_second),
                     CountText(std::llround(flow.replayed_rows_per_second)),
                     TimeText(static_cast<double>(flow.latency_us) / 1e6));
  if (flow.source_time_us == 0) return out;
  return out + fmt::format(", source at {}", MomentText(flow.source_time_us));
}

double RateMeter::Add(double seconds, int64_t value) {
  while (points_.size() > 1 && seconds - points_[1].seconds >= 5) points_.erase(points_.begin());
  points_.push_back({seconds, value});
  const Point& first = points_.front();
  if (value < first.value) {  // it began anew
    points_ = {{seconds, value}};
    return 0;
  }
  const double span = seconds - first.seconds;
  return span <= 0 ? 0 : static_cast<double>(value - first.value) / span;
}

}  // namespace godwit
