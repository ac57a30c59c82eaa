// SPDX-License-Identifier: Apache-2.0
#include "cli/view_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/text.h"

namespace godwit {
namespace {

using Tone = ViewLine::Tone;

size_t Columns(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string Bar(double share, int width) {
  const int full = static_cast<int>(std::floor(std::clamp(share, 0.0, 1.0) * width));
  std::string out;
  for (int i = 0; i < width; ++i) out += i < full ? "█" : "░";
  return out;
}

int BarWidth(size_t columns) { return columns >= 100 ? 24 : columns >= 72 ? 14 : 8; }

double Share(int64_t done, int64_t total) {
  return total <= 0 ? 0 : static_cast<double>(done) / static_cast<double>(total);
}

bool IsFlow(const StageView& stage) {
  return stage.name == "capture" || stage.name == "incremental";
}

// How far a stage is. Tables differ in size, so verification goes by rows where their number is
// known from the copy.
double ShareOf(const StageView& stage, const ProjectView& view) {
  if (stage.status == "done") return 1;
  const bool has_stopped = stage.status == "stopped";
  if (stage.name == "capture") return view.flow.capturing || has_stopped ? 1 : 0;
  if (stage.name == "incremental") {
    if ((view.flow.replaying || has_stopped) && view.flow.applied >= view.flow.log_last) return 1;
    return Share(static_cast<int64_t>(view.flow.applied), static_cast<int64_t>(view.flow.log_last));
  }
  double share = Share(stage.done, stage.total);
  if (stage.name != "verification" || stage.status != "running") return share;
  for (const StageView& other : view.stages) {
    if (other.name == "full" && other.rows > 0) {
      share = std::max(share, std::min(0.95, Share(stage.rows, other.rows)));
    }
  }
  return share;
}

std::string Counts(const StageView& stage) {
  return fmt::format("{} of {}{} {}", CountText(stage.done),
                     stage.unit == "rows" && stage.status == "running" ? "about " : "",
                     CountText(stage.total), stage.unit);
}

std::string BriefCounts(const StageView& stage) {
  if (stage.unit == "rows") return CountText(stage.done);
  return fmt::format("{} of {}", CountText(stage.done), CountText(stage.total));
}

Tone ToneOf(const StageView& stage) {
  if (stage.status == "done") return Tone::kGood;
  if (stage.status == "pending" || stage.status == "skipped") return Tone::kDim;
  if (stage.status == "failed") return Tone::kBad;
  if (stage.status == "stopped") return Tone::kAttention;
  return Tone::kPlain;
}

}  // namespace

std::string CutToColumns(std::string_view text, size_t columns) {
  std::string out;
  for (size_t at = 0; at < text.size() && columns > 0; --columns) {
    size_t next = at + 1;
    while (next < text.size() && (text[next] & 0xc0) == 0x80) ++next;
    const bool is_control = static_cast<unsigned char>(text[at]) < 0x20 || text[at] == 0x7f;
    out += is_control ? " " : std::string(text.substr(at, next - at));
    at = next;
  }
  return out;
}

double ViewLines::Rate(const std::string& what, double now, int64_t value) {
  return meters_[what].Add(now, value);
}

// First the highest ranks are said briefly, then left out.
std::string ViewLines::Fit(std::string line, Words words, size_t columns) {
  auto too_long = [&] {
    size_t all = Columns(line);
    for (const Word& word : words) all += 2 + Columns(word.text);
    return all > columns;
  };
  while (too_long() && !words.empty()) {
    auto longest = words.end();
    for (auto word = words.begin(); word != words.end(); ++word) {
      if (word->brief.empty()) continue;
      if (longest == words.end() || word->rank > longest->rank) longest = word;
    }
    if (longest == words.end()) break;
    longest->text = std::exchange(longest->brief, "");
  }
  while (too_long() && !words.empty()) {
    words.erase(std::max_element(words.begin(), words.end(),
                                 [](const Word& a, const Word& b) { return a.rank < b.rank; }));
  }
  for (const Word& word : words) line += "  " + word.text;
  return CutToColumns(line, columns);
}

ViewLines::Words ViewLines::Running(const StageView& stage, double share, double now) {
  Words words;
  if (stage.total > 0) words.push_back({Counts(stage), BriefCounts(stage), 3});
  const bool counts_rows = stage.unit == "rows";
  const int64_t rows = counts_rows ? stage.done : stage.rows;
  if (!counts_rows && rows > 0) {
    words.push_back({CountText(rows) + " rows", "", 4});
  }
  const double rate = Rate(stage.name, now, rows > 0 ? rows : stage.done);
  const double bytes = Rate(stage.name + " bytes", now, stage.bytes);
  if (rate >= 0.5) words.push_back({CountText(std::llround(rate)) + "/s", "", 2});
  if (bytes >= 1) words.push_back({BytesText(std::llround(bytes)) + "/s", "", 5});
  // The share grows by parts of a thousand, which the meter takes as whole numbers.
  const double pace = Rate(stage.name + " share", now, std::llround(share * 1e6)) / 1e6;
  if (pace > 0 && share < 1) words.push_back({TimeText((1 - share) / pace) + " left", "", 1});
  if (words.empty()) words.push_back({TimeText(stage.seconds), "", 1});
  return words;
}

ViewLines::Words ViewLines::Capturing(const FlowView& flow, double now) {
  const double bytes = Rate("captured bytes", now, flow.captured_bytes);
  return {{CountText(flow.captured_rows) + " changes", CountText(flow.captured_rows), 1},
          {BytesText(std::llround(bytes)) + "/s", "", 3},
          {"store " + BytesText(static_cast<int64_t>(flow.store_bytes)), "", 2}};
}

ViewLines::Words ViewLines::Replaying(const FlowView& flow, double now) {
  const double rate = Rate("applied rows", now, flow.replayed_rows);
  Words words = {{CountText(flow.replayed_rows) + " changes", CountText(flow.replayed_rows), 2},
                 {CountText(std::llround(rate)) + "/s", "", 3},
                 {"latency " + TimeText(static_cast<double>(flow.latency_us) / 1e6),
                  TimeText(static_cast<double>(flow.latency_us) / 1e6), 1}};
  if (flow.source_time_us > 0) {
    words.push_back({"at " + MomentText(flow.source_time_us).substr(0, 19) + " UTC",
                     MomentText(flow.source_time_us).substr(11, 8), 4});
  }
  return words;
}

ViewLine ViewLines::Stage(const StageView& stage, const ProjectView& view, double now,
                          size_t columns) {
  const double share = ShareOf(stage, view);
  const bool is_running = stage.status == "running";
  std::string state = stage.status;
  if (is_running) state = fmt::format("{:.0f} %", std::floor(std::clamp(share, 0.0, 1.0) * 100));
  if (is_running && stage.name == "capture" && view.flow.capturing) state = "follows";
  if (state == "pending") state = "";
  Words words;
  if (is_running && stage.name == "capture") {
    words = Capturing(view.flow, now);
  } else if (is_running && stage.name == "incremental") {
    words = Replaying(view.flow, now);
  } else if (is_running) {
    words = Running(stage, share, now);
  } else if (stage.status != "pending" && !IsFlow(stage)) {
    if (stage.total > 0) words.push_back({Counts(stage), BriefCounts(stage), 2});
    if (stage.rows > 0 && stage.unit != "rows") {
      words.push_back({CountText(stage.rows) + " rows", "", 3});
    }
    if (stage.bytes > 0) words.push_back({BytesText(stage.bytes), "", 4});
    if (stage.seconds > 0) words.push_back({"in " + TimeText(stage.seconds), "", 1});
  }
  return {Fit(fmt::format("{:<12} {} {:>7}", stage.name, Bar(share, BarWidth(columns)), state),
              std::move(words), columns),
          ToneOf(stage)};
}

std::vector<ViewLine> ViewLines::Make(const ProjectView& view, std::string_view command_name,
                                      double now, size_t columns) {
  std::vector<ViewLine> lines;
  if (view.state == "paused") {
    lines.push_back({CutToColumns(fmt::format("paused       go on with: godwit project resume {}",
                                              command_name),
                                  columns),
                     Tone::kAttention});
  }
  for (const StageView& stage : view.stages) lines.push_back(Stage(stage, view, now, columns));
  for (const Finding& finding : view.open_findings) {
    lines.push_back({CutToColumns(fmt::format("blocked      item {}: {} {}", finding.id,
                                              finding.kind, finding.object),
                                  columns),
                     Tone::kAttention});
    lines.push_back({CutToColumns("  answer:    " + AnswerCommand(finding, command_name), columns),
                     Tone::kAttention});
  }
  if (!view.transient) waiting_since_ = -1;
  if (view.transient) {
    if (waiting_since_ < 0) waiting_since_ = now;
    const std::string side = view.transient->side == Side::kNone
                                 ? "a server"
                                 : fmt::format("the {}", ToString(view.transient->side));
    lines.push_back({CutToColumns(fmt::format("waiting      for {}, since {}: {}", side,
                                              TimeText(now - waiting_since_), view.transient->code),
                                  columns),
                     Tone::kAttention});
    lines.push_back({CutToColumns(fmt::format("  because:   {}", view.transient->message), columns),
                     Tone::kAttention});
  }
  return lines;
}

}  // namespace godwit
