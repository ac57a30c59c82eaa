// SPDX-License-Identifier: Apache-2.0
#include "cli/ordered_verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/deadline.h"
#include "cli/exit_code.h"
#include "cli/run_events.h"
#include "cli/shown_events.h"
#include "cli/signals.h"
#include "cli/text.h"

namespace godwit {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kLookEvery = 200ms;
constexpr std::string_view kStage = "verification";

// The owner's view as that of a run which only compares: what is asked for here is not what the
// owner compared before.
ProjectView AsOwnRun(const Projects::Ordered& ordered) {
  ProjectView view = ordered.view;
  std::erase_if(view.stages, [](const StageView& stage) {
    return stage.name == kStage ? false : stage.status != "running";
  });
  auto stage = std::find_if(view.stages.begin(), view.stages.end(),
                            [](const StageView& s) { return s.name == kStage; });
  if (stage == view.stages.end()) {
    view.stages.push_back({.name = std::string(kStage)});
    stage = view.stages.end() - 1;
  }
  if (ordered.state == "waiting") *stage = {.name = std::string(kStage), .status = "pending"};
  if (ordered.state == "running") stage->status = "running";
  if (ordered.outcome) stage->status = ordered.outcome->error ? "failed" : "done";
  return view;
}

class Client {
 public:
  Client(Projects& projects, const StoredProject& project, int64_t order, RunEvents& events,
         std::optional<std::chrono::milliseconds> blocked_timeout)
      : projects_(projects),
        name_(project.record.name),
        order_(order),
        comparer_(events, projects.metadata(), project.record.id),
        blocked_timeout_(blocked_timeout) {}

  RunOutcome Run(std::stop_token stop) {
    for (;;) {
      const auto ordered = projects_.LookAtVerification(name_, order_);
      if (!ordered) {
        if (!ProjectLock::Owner(projects_.directory().project(name_))) return OwnerEnded();
        if (WaitForStop(stop, Deadline::In(kLookEvery))) return CallOff({.status = "interrupted"});
        continue;  // it is only busy
      }
      comparer_.Look(AsOwnRun(*ordered));
      if (ordered->outcome) {
        return ordered->outcome->status == "interrupted" ? OwnerEnded() : *ordered->outcome;
      }
      if (IsBlockedTooLong(ordered->view)) return CallOff({.status = "blocked"});
      if (WaitForStop(stop, Deadline::In(kLookEvery))) return CallOff({.status = "interrupted"});
    }
  }

 private:
  bool IsBlockedTooLong(const ProjectView& view) {
    if (view.open_findings.empty()) blocked_since_.reset();
    if (view.open_findings.empty() || !blocked_timeout_) return false;
    if (!blocked_since_) blocked_since_ = Clock::now();
    return Clock::now() - *blocked_since_ >= *blocked_timeout_;
  }

  RunOutcome CallOff(RunOutcome outcome) {
    projects_.CallOffVerification(name_, order_);
    if (outcome.status == "interrupted") {
      outcome.advice = fmt::format(
          "the comparison was called off, the project goes on; compare "
          "again with: godwit verify {}\n",
          name_);
    }
    return outcome;
  }

  RunOutcome OwnerEnded() const {
    return {.status = "failed",
            .error = ErrorFields{.code = "VERIFICATION_CUT_OFF",
                                 .kind = ErrorKind::kBlocked,
                                 .object = name_,
                                 .message = "the process that runs the project stopped before all "
                                            "was compared",
                                 .cause = "it was interrupted, paused or killed",
                                 .remedy = "compare again"},
            .advice = fmt::format("compare again with: godwit verify {}\n", name_)};
  }

  Projects& projects_;
  const std::string name_;
  const int64_t order_;
  ViewComparer comparer_;
  const std::optional<std::chrono::milliseconds> blocked_timeout_;
  std::optional<Clock::time_point> blocked_since_;
};

}  // namespace

std::optional<int> VerifyBeside(const CommandContext& context, Projects& projects,
                                const StoredProject& project, const RunOptions& options) {
  const std::string& name = project.record.name;
  const auto order = projects.OrderVerification(
      name, {.tables = options.tables, .correct = options.correct, .certain = options.certain});
  if (!order) return std::nullopt;
  Say(stderr, fmt::format("another process runs {}: it compares while it goes on", name));
  SignalWatch signals(RestoreTerminal);
  const std::unique_ptr<RunEvents> events = MakeShownEvents(context, projects.directory().log());
  events->OnProject(name, project.spec);
  auto blocked_timeout = options.blocked_timeout;
  if (!blocked_timeout && !IsInteractive(context)) blocked_timeout = 0ms;
  const auto begin = Clock::now();
  Client client(projects, project, *order, *events, blocked_timeout);
  RunOutcome outcome = client.Run(signals.stop_token());
  outcome.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  events->OnEnd(outcome, signals.signal());
  return ExitCodeOf(outcome, signals.signal());
}

}  // namespace godwit
