// SPDX-License-Identifier: Apache-2.0
#include "cli/run_events.h"

#include <nlohmann/json.hpp>

namespace godwit {

void ViewComparer::Look(const ProjectView& view) {
  for (const StageView& stage : view.stages) {
    std::string& known = status_[stage.name];
    if (known == stage.status || (known.empty() && stage.status == "pending")) continue;
    // What one look missed: every stage that ended has begun.
    if (stage.status != "running" && known != "running" && stage.seconds > 0) {
      StageView begun = stage;
      begun.status = "running";
      events_.OnStage(begun);
    }
    known = stage.status;
    events_.OnStage(stage);
    // Of an earlier run they are known, and accepted.
    if (stage.name == "precheck" && stage.status != "running" && stage.seconds > 0) TellChecks();
  }
  for (const Finding& finding : view.open_findings) {
    if (told_findings_.insert(finding.id).second) events_.OnBlocked(finding);
  }
  const std::string transient = view.transient ? view.transient->code : "";
  if (transient != transient_) {
    transient_ = transient;
    events_.OnTransient(view.transient ? &*view.transient : nullptr);
  }
  events_.OnProgress(view);
}

void ViewComparer::TellChecks() {
  const std::string selection = metadata_.Setting(project_, kSelectionSetting).value_or("");
  if (!selection.empty()) events_.OnSelection(SelectionFromJson(nlohmann::json::parse(selection)));
  for (const JournalEntry& entry : metadata_.Entries(project_, "precheck")) {
    events_.OnCheck(entry);
  }
}

}  // namespace godwit
