// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/exit_code.h"
#include "cli/run_events.h"
#include "cli/text.h"
#include "project/spec.h"
#include "project/view_json.h"
#include "stage/journal.h"

namespace godwit {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto kProgressEvery = std::chrono::seconds(1);

void Print(const json& event) {
  const std::string line = event.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  fwrite(line.data(), 1, line.size(), stdout);
  fflush(stdout);
}

class JsonEvents : public RunEvents {
 public:
  void OnProject(const std::string& name, const ProjectSpec& spec) override {
    json types = json::array();
    for (MigrationType type : spec.types) types.push_back(ToString(type));
    Print({{"event", "project"},
           {"name", name},
           {"source", spec.source},
           {"destination", spec.destination},
           {"types", types}});
  }

  void OnStage(const StageView& stage) override {
    json event = ToJson(ProjectView{.stages = {stage}})["stages"][0];
    event["event"] = "stage";
    Print(event);
  }

  void OnProgress(const ProjectView& view) override {
    if (Clock::now() < next_) return;
    next_ = Clock::now() + kProgressEvery;
    json event = ToJson(view);
    event["event"] = "progress";
    for (const StageView& stage : view.stages) {
      if (stage.status == "running") event["stage"] = stage.name;
    }
    Print(event);
  }

  void OnSelection(const SelectionPreview& selection) override {
    json event = ToJson(selection);
    event["event"] = "selection";
    Print(event);
  }

  void OnCheck(const JournalEntry& entry) override {
    json event = json::parse(entry.detail, nullptr, false);
    if (!event.is_object()) event = {{"item", entry.object}};
    event["event"] = entry.status == "fail"   ? "error"
                     : entry.status == "warn" ? "warning"
                                              : "check";
    event["status"] = entry.status;  // the item's own says what a skipped one found
    event["stage"] = "precheck";
    if (entry.status == "fail") event["code"] = "PRECHECK_FAILED";
    Print(event);
  }

  void OnBlocked(const Finding& finding) override {
    json event = ToJson(finding);
    event["event"] = "blocked";
    Print(event);
  }

  void OnTransient(const ErrorFields* error) override {
    json event = error == nullptr ? json{{"recovered", true}} : ToJson(*error);
    event["event"] = "warning";
    Print(event);
  }

  void OnEnd(const RunOutcome& outcome, int) override {
    if (outcome.error) {
      json event = ToJson(*outcome.error);
      event["event"] = "error";
      Print(event);
    }
    json summary = {{"event", "summary"},           {"status", SummaryStatus(outcome)},
                    {"tables", outcome.tables},     {"rows", outcome.rows},
                    {"changes", outcome.changes},   {"inconsistent", outcome.inconsistent},
                    {"left_out", outcome.left_out}, {"skipped", outcome.skipped},
                    {"seconds", outcome.seconds}};
    if (outcome.status == "unsettled") summary["reason"] = "unsettled";
    Print(summary);
  }

 private:
  Clock::time_point next_ = Clock::now();
};

}  // namespace

std::unique_ptr<RunEvents> MakeJsonEvents() { return std::make_unique<JsonEvents>(); }

}  // namespace godwit
