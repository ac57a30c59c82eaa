// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "metadata/metadata.h"
#include "project/runner.h"
#include "stage/selection.h"

namespace godwit {

// Whom a run is shown to. Called from one thread at a time.
class RunEvents {
 public:
  virtual ~RunEvents() = default;
  virtual void OnProject(const std::string& name, const ProjectSpec& spec) = 0;
  virtual void OnStage(const StageView& stage) = 0;                 // its status changed
  virtual void OnProgress(const ProjectView& view) = 0;             // at every look
  virtual void OnSelection(const SelectionPreview& selection) = 0;  // as precheck found it
  virtual void OnCheck(const JournalEntry& entry) = 0;              // a precheck item
  virtual void OnBlocked(const Finding& finding) = 0;
  virtual void OnTransient(const ErrorFields* error) = 0;  // null: it works again
  virtual void OnStopping() {}                             // a signal asked for the end
  // After the last view; nothing is drawn any more.
  virtual void OnEnd(const RunOutcome& outcome, int signal) = 0;
  // Between these the terminal is somebody else's.
  virtual void Suspend() {}
  virtual void Resume() {}
};

inline constexpr std::string_view kStoppingText =
    "stopping: what is in flight is saved; the same again ends at once and loses nothing";

// An item of precheck that warns or fails, and was not skipped.
inline bool IsObjection(const JournalEntry& check) {
  return check.status == "warn" || check.status == "fail";
}

struct DisplayOptions {
  std::string
      command_words;  // follow the project's name where a command is advised: " --state-dir DIR"
  size_t names = 10;  // after which a list ends
  bool all_checks = false;  // precheck's passed and skipped items too
  bool Shows(const JournalEntry& check) const { return all_checks || IsObjection(check); }
};
std::unique_ptr<RunEvents> MakeLiveDisplay(const DisplayOptions& options);
std::unique_ptr<RunEvents> MakeLineDisplay(const DisplayOptions& options);
std::unique_ptr<RunEvents> MakeJsonEvents();
// What the live display has changed about the terminal is undone. Async-signal-safe enough for the
// end of the process: one write.
void RestoreTerminal();

// Finds out what happened between two looks at a run and tells it.
class ViewComparer {
 public:
  ViewComparer(RunEvents& events, Metadata& metadata, int64_t project)
      : events_(events), metadata_(metadata), project_(project) {}

  void Look(const ProjectView& view);

 private:
  void TellChecks();

  RunEvents& events_;
  Metadata& metadata_;
  const int64_t project_;
  std::map<std::string, std::string> status_;
  std::set<int64_t> told_findings_;
  std::string transient_;
};

}  // namespace godwit
