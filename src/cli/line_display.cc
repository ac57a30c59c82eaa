// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <map>

#include "cli/run_events.h"
#include "cli/summary_text.h"
#include "cli/text.h"

namespace godwit {

using Clock = std::chrono::steady_clock;

namespace {

constexpr auto kProgressEvery = std::chrono::seconds(3);

// For a log or a pipe: what happens, line after line.
class LineDisplay : public RunEvents {
 public:
  explicit LineDisplay(DisplayOptions options) : options_(std::move(options)) {}

  void OnProject(const std::string& name, const ProjectSpec& spec) override {
    command_name_ = name + options_.command_words;
    Say(stdout, fmt::format("project {}: {} -> {}", name, spec.source, spec.destination));
  }

  void OnStage(const StageView& stage) override { Say(stdout, StageText(stage)); }

  void OnProgress(const ProjectView& view) override {
    const double now = std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
    for (const StageView& stage : view.stages) {
      if (stage.status == "running") rates_[stage.name] = meters_[stage.name].Add(now, stage.done);
    }
    const double applied = meters_["applied rows"].Add(now, view.flow.replayed_rows);
    if (Clock::now() < next_) return;
    next_ = Clock::now() + kProgressEvery;
    for (const StageView& stage : view.stages) {
      if (stage.status != "running" || stage.total == 0) continue;
      const double rate = rates_[stage.name];
      std::string line = StageText(stage);
      if (rate > 0) {
        line += fmt::format("  {}/s  {} left", CountText(static_cast<int64_t>(rate)),
                            TimeText(static_cast<double>(stage.total - stage.done) / rate));
      }
      Say(stdout, line);
    }
    if (view.flow.capturing || view.flow.replaying) {
      Say(stdout, fmt::format("{:<13} {}, {} rows/s", "changes", FlowText(view.flow),
                              CountText(static_cast<int64_t>(applied))));
    }
  }

  void OnSelection(const SelectionPreview& selection) override {
    Say(stdout, SelectionText(selection, options_.names));
  }
  void OnCheck(const JournalEntry& entry) override {
    if (options_.Shows(entry)) Say(IsObjection(entry) ? stderr : stdout, CheckText(entry));
  }
  void OnBlocked(const Finding& finding) override {
    Say(stderr, FindingText(finding, command_name_));
  }
  void OnTransient(const ErrorFields* error) override {
    Say(stderr, error == nullptr ? "works again" : "waiting: " + ErrorText(*error));
  }

  void OnStopping() override { Say(stdout, kStoppingText); }

  void OnEnd(const RunOutcome& outcome, int signal) override {
    const std::string text = SummaryText(outcome, command_name_, signal);
    std::FILE* file = outcome.error ? stderr : stdout;
    fwrite(text.data(), 1, text.size(), file);
    fflush(file);
  }

 private:
  std::string command_name_;
  const DisplayOptions options_;
  std::map<std::string, RateMeter> meters_;
  std::map<std::string, double> rates_;
  Clock::time_point next_ = Clock::now() + kProgressEvery;
};

}  // namespace

std::unique_ptr<RunEvents> MakeLineDisplay(const DisplayOptions& options) {
  return std::make_unique<LineDisplay>(options);
}

}  // namespace godwit
