// SPDX-License-Identifier: Apache-2.0
#include "cli/shown_run.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "base/deadline.h"
#include "base/mutex.h"
#include "cli/exit_code.h"
#include "cli/run_events.h"
#include "cli/shown_events.h"
#include "cli/signals.h"
#include "cli/text.h"

namespace godwit {
namespace {

using namespace std::chrono_literals;

constexpr auto kLookEvery = 100ms;

// The answer to a question on the terminal; false as well when stopped.
bool AskYes(size_t warnings, std::stop_token stop) {
  fmt::print(stderr, "precheck has {} warnings. Go on? [y/N] ", warnings);
  fflush(stderr);
  pollfd input{STDIN_FILENO, POLLIN, 0};
  while (!stop.stop_requested()) {
    if (poll(&input, 1, 200) <= 0) continue;
    char line[64];
    const ssize_t n = read(STDIN_FILENO, line, sizeof(line));
    return n > 0 && (line[0] == 'y' || line[0] == 'Y');
  }
  return false;
}

// Looks at a run from time to time and tells what happened.
class Watch {
 public:
  Watch(RunEvents& events, Metadata& metadata, int64_t project)
      : events_(events), comparer_(events, metadata, project) {}

  void Look(const ProjectRun& run) {
    MutexLock lock(mutex_);
    comparer_.Look(run.View());
  }

  // Shows all there is, then has the terminal for the question.
  bool Confirm(const ProjectRun& run, size_t warnings, std::stop_token stop) {
    MutexLock lock(mutex_);
    comparer_.Look(run.View());
    events_.Suspend();
    const bool is_yes = AskYes(warnings, stop);
    events_.Resume();
    return is_yes;
  }

 private:
  RunEvents& events_;
  Mutex mutex_;
  ViewComparer comparer_ GUARDED_BY(mutex_);
};

RunOutcome RunWatched(ProjectRun& run, Watch& watch, RunEvents& events, std::stop_token stop) {
  std::jthread looker([&](std::stop_token over) {
    bool is_stopping = false;
    do {
      if (stop.stop_requested() && !std::exchange(is_stopping, true)) events.OnStopping();
      try {
        watch.Look(run);
      } catch (const Error&) {  // of the metadata: the run meets it too, and says it
      }
    } while (!WaitForStop(over, Deadline::In(kLookEvery)));
  });
  return run.Run(stop);
}

}  // namespace

int RunShown(const CommandContext& context, Projects& projects, const StoredProject& project,
             const ProjectSpec& spec, RunOptions options) {
  SignalWatch signals(RestoreTerminal);
  const std::unique_ptr<RunEvents> all = MakeShownEvents(context, projects.directory().log());
  RunEvents& events = *all;
  Watch watch(events, projects.metadata(), project.record.id);
  ProjectRun* running = nullptr;
  if (IsInteractive(context)) {
    options.confirm = [&](const std::vector<std::string>& warnings) {
      return watch.Confirm(*running, warnings.size(), signals.stop_token());
    };
  } else if (!options.blocked_timeout) {
    options.blocked_timeout = 0ms;
  }
  ProjectRun run(projects, project, spec, std::move(options));
  running = &run;
  events.OnProject(project.record.name, spec);
  const RunOutcome outcome = RunWatched(run, watch, events, signals.stop_token());
  watch.Look(run);
  events.OnEnd(outcome, signals.signal());
  return ExitCodeOf(outcome, signals.signal());
}

int ReportFailure(const CommandContext& context, const Error& error) {
  Say(stderr, "error " + ErrorText(error.fields()));
  if (IsUsageError(error)) return kExitUsage;
  if (context.json && context.follows_run) {
    MakeJsonEvents()->OnEnd({.status = "failed", .error = error.fields()}, 0);
  }
  return kExitFailed;
}

}  // namespace godwit
