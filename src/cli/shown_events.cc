// SPDX-License-Identifier: Apache-2.0
#include "cli/shown_events.h"

#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/mutex.h"
#include "cli/summary_text.h"
#include "cli/text.h"

namespace godwit {
namespace {

// What must follow a project's name for other commands to find it.
std::string CommandWords(const CommandContext& context) {
  if (context.state_directory == StateDirectory::Default()) return "";
  std::string quoted;
  for (char c : context.state_directory) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  const bool is_plain = context.state_directory.find_first_not_of(
                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") ==
                        std::string::npos;
  return " --state-dir " + (is_plain ? context.state_directory : "'" + quoted + "'");
}

DisplayOptions OptionsOf(const CommandContext& context) {
  return {.command_words = CommandWords(context),
          .names = context.names_shown(),
          .all_checks = context.verbose || context.lists_checks};
}

std::unique_ptr<RunEvents> MakeEvents(const CommandContext& context) {
  if (context.json) return MakeJsonEvents();
  const char* terminal = std::getenv("TERM");
  const bool is_dumb = terminal == nullptr || strcmp(terminal, "dumb") == 0;
  if (isatty(STDOUT_FILENO) == 1 && !is_dumb) {
    return MakeLiveDisplay(OptionsOf(context));
  }
  return MakeLineDisplay(OptionsOf(context));
}

// With --json the events are on standard output; people read the same on standard error.
class Notes : public RunEvents {
 public:
  explicit Notes(DisplayOptions options) : options_(std::move(options)) {}
  void OnProject(const std::string& name, const ProjectSpec&) override {
    command_name_ = name + options_.command_words;
    Say(stderr, "project " + name);
  }
  void OnStage(const StageView& stage) override { Say(stderr, StageText(stage)); }
  void OnProgress(const ProjectView&) override {}
  void OnSelection(const SelectionPreview& selection) override {
    Say(stderr, SelectionText(selection, options_.names));
  }
  void OnCheck(const JournalEntry& entry) override {
    if (options_.Shows(entry)) Say(stderr, CheckText(entry));
  }
  void OnBlocked(const Finding& finding) override {
    Say(stderr, FindingText(finding, command_name_));
  }
  void OnStopping() override { Say(stderr, kStoppingText); }
  void OnTransient(const ErrorFields* error) override {
    if (error != nullptr) Say(stderr, "waiting: " + ErrorText(*error));
  }
  void OnEnd(const RunOutcome& outcome, int signal) override {
    const std::string text = SummaryText(outcome, command_name_, signal);
    Say(stderr, std::string_view(text).substr(0, text.size() - 1));  // less its own last line's end
  }

 private:
  const DisplayOptions options_;
  std::string command_name_;
};

// What happens, in the state directory's log.
class LogEvents : public RunEvents {
 public:
  explicit LogEvents(const std::string& file)
      : log_(std::make_shared<spdlog::logger>(
            "godwit", std::make_shared<spdlog::sinks::basic_file_sink_mt>(file))) {
    log_->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %P %^%l%$ %v");
    log_->flush_on(spdlog::level::info);
  }
  void OnProject(const std::string& name, const ProjectSpec& spec) override {
    name_ = name;
    log_->info("{}: run begins, {} -> {}", name, spec.source, spec.destination);
  }
  void OnStage(const StageView& stage) override { log_->info("{}: {}", name_, StageText(stage)); }
  void OnProgress(const ProjectView&) override {}
  void OnSelection(const SelectionPreview& selection) override {
    log_->info("{}: {}", name_, SelectionText(selection, 0));
  }
  void OnCheck(const JournalEntry& entry) override {
    if (!IsObjection(entry)) return;
    log_->warn("{}: precheck {} {}: {}", name_, entry.status, entry.object, entry.detail);
  }
  void OnBlocked(const Finding& finding) override {
    log_->warn("{}: {}", name_, FindingText(finding, name_));
  }
  void OnTransient(const ErrorFields* error) override {
    if (error == nullptr) {
      log_->info("{}: works again", name_);
    } else {
      log_->warn("{}: waiting: {}", name_, ErrorText(*error));
    }
  }
  void OnEnd(const RunOutcome& outcome, int signal) override {
    if (outcome.error) log_->error("{}: {}", name_, ErrorText(*outcome.error));
    log_->info("{}: run ends: {} (signal {})", name_, outcome.status, signal);
  }

 private:
  std::string name_;
  std::shared_ptr<spdlog::logger> log_;
};

// Tells several. The thread that looks and the one that asks the user share it.
class AllEvents : public RunEvents {
 public:
  void Add(std::unique_ptr<RunEvents> events) {
    MutexLock lock(mutex_);
    all_.push_back(std::move(events));
  }

  void OnProject(const std::string& name, const ProjectSpec& spec) override {
    Each([&](RunEvents& e) { e.OnProject(name, spec); });
  }
  void OnStage(const StageView& stage) override {
    Each([&](RunEvents& e) { e.OnStage(stage); });
  }
  void OnProgress(const ProjectView& view) override {
    Each([&](RunEvents& e) { e.OnProgress(view); });
  }
  void OnSelection(const SelectionPreview& selection) override {
    Each([&](RunEvents& e) { e.OnSelection(selection); });
  }
  void OnCheck(const JournalEntry& entry) override {
    Each([&](RunEvents& e) { e.OnCheck(entry); });
  }
  void OnBlocked(const Finding& finding) override {
    Each([&](RunEvents& e) { e.OnBlocked(finding); });
  }
  void OnTransient(const ErrorFields* error) override {
    Each([&](RunEvents& e) { e.OnTransient(error); });
  }
  void OnEnd(const RunOutcome& outcome, int signal) override {
    Each([&](RunEvents& e) { e.OnEnd(outcome, signal); });
  }
  void OnStopping() override {
    Each([&](RunEvents& e) { e.OnStopping(); });
  }
  void Suspend() override {
    Each([&](RunEvents& e) { e.Suspend(); });
  }
  void Resume() override {
    Each([&](RunEvents& e) { e.Resume(); });
  }

 private:
  template <typename Tell>
  void Each(Tell tell) {
    MutexLock lock(mutex_);
    for (auto& events : all_) tell(*events);
  }

  Mutex mutex_;
  std::vector<std::unique_ptr<RunEvents>> all_ GUARDED_BY(mutex_);
};

}  // namespace

bool IsInteractive(const CommandContext& context) {
  return !context.json && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

std::unique_ptr<RunEvents> MakeShownEvents(const CommandContext& context,
                                           const std::string& log_file) {
  auto all = std::make_unique<AllEvents>();
  all->Add(MakeEvents(context));
  if (context.json) all->Add(std::make_unique<Notes>(OptionsOf(context)));
  all->Add(std::make_unique<LogEvents>(log_file));
  return all;
}

}  // namespace godwit
