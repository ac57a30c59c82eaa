// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "cli/run_events.h"
#include "cli/summary_text.h"
#include "cli/text.h"
#include "cli/view_lines.h"

namespace godwit {

using Clock = std::chrono::steady_clock;

namespace {

constexpr auto kFrameEvery = std::chrono::milliseconds(100);
constexpr std::string_view kShowCursor = "\x1b[?25h";
constexpr std::string_view kHideCursor = "\x1b[?25l";
std::atomic<bool> g_cursor_is_hidden{false};

void Put(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(STDOUT_FILENO, text.data(), text.size());
    if (n <= 0) return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

winsize TerminalSize() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
    size.ws_col = 80;
    size.ws_row = 24;
  }
  return size;
}

std::string Coloured(const ViewLine& line) {
  static const bool is_plain = std::getenv("NO_COLOR") != nullptr;
  const char* code = "";
  switch (line.tone) {
    case ViewLine::Tone::kPlain:
      return line.text;
    case ViewLine::Tone::kDim:
      code = "2";
      break;
    case ViewLine::Tone::kGood:
      code = "32";
      break;
    case ViewLine::Tone::kAttention:
      code = "33";
      break;
    case ViewLine::Tone::kBad:
      code = "31";
      break;
  }
  return is_plain ? line.text : fmt::format("\x1b[{}m{}\x1b[0m", code, line.text);
}

// Redraws its lines in place. A line never reaches the last column, so it never wraps; after the
// window became narrower the lines drawn before do, and everything is drawn anew.
class LiveDisplay : public RunEvents {
 public:
  explicit LiveDisplay(DisplayOptions options) : options_(std::move(options)) {
    g_cursor_is_hidden = true;
    Put(kHideCursor);
  }
  ~LiveDisplay() override { RestoreTerminal(); }

  void OnProject(const std::string& name, const ProjectSpec& spec) override {
    command_name_ = name + options_.command_words;
    head_ = fmt::format("godwit {}  {} → {}", name, spec.source, spec.destination);
  }
  void OnStage(const StageView& stage) override {
    if (stage.status == "failed") Above(StageText(stage));
  }
  void OnSelection(const SelectionPreview& selection) override {
    Above(SelectionText(selection, options_.names));
  }
  void OnCheck(const JournalEntry& entry) override {
    if (options_.Shows(entry)) Above(CheckText(entry));
  }
  void OnBlocked(const Finding& finding) override { Above(FindingText(finding, command_name_)); }
  void OnTransient(const ErrorFields*) override {}
  void OnStopping() override {
    stopping_ = std::string(kStoppingText);
    next_ = Clock::now();
  }

  void OnProgress(const ProjectView& view) override {
    last_ = view;
    if (is_suspended_ || Clock::now() < next_) return;
    next_ = Clock::now() + kFrameEvery;
    Draw(view);
  }

  void OnEnd(const RunOutcome& outcome, int signal) override {
    stopping_.clear();
    Draw(last_);  // it stays
    Put("\n");
    drawn_ = 0;
    RestoreTerminal();
    Put(SummaryText(outcome, command_name_, signal));
  }

  void Suspend() override {
    Erase();
    is_suspended_ = true;
    RestoreTerminal();
  }
  void Resume() override {
    is_suspended_ = false;
    g_cursor_is_hidden = true;
    Put(kHideCursor);
  }

 private:
  std::vector<ViewLine> Lines(const ProjectView& view, size_t columns) {
    const double now = std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
    std::vector<ViewLine> lines = {{CutToColumns(head_, columns)}};
    for (ViewLine& line : lines_.Make(view, command_name_, now, columns)) {
      lines.push_back(std::move(line));
    }
    if (!stopping_.empty()) {
      lines.push_back({CutToColumns(stopping_, columns), ViewLine::Tone::kAttention});
    }
    return lines;
  }

  // A line that stays, over the moving ones.
  void Above(const std::string& text) {
    Erase();
    Put(text + "\n");
    next_ = Clock::now();
  }

  std::string Back() const {
    std::string out = "\r";
    if (drawn_ > 1) out += fmt::format("\x1b[{}A", drawn_ - 1);
    return out + "\x1b[J";
  }

  void Erase() {
    if (drawn_ > 0) Put(Back());
    drawn_ = 0;
  }

  void Draw(const ProjectView& view) {
    const winsize size = TerminalSize();
    std::string out;
    if (size.ws_col != width_ && drawn_ > 0) {
      out += "\x1b[2J\x1b[H";
    } else if (drawn_ > 0) {
      out += Back();
    }
    width_ = size.ws_col;
    const size_t room = std::max<size_t>(size.ws_row, 2) - 1;
    drawn_ = 0;
    for (const ViewLine& line : Lines(view, size.ws_col - 1u)) {
      if (drawn_ == room) break;
      out += (drawn_ == 0 ? "" : "\r\n") + Coloured(line);
      ++drawn_;
    }
    Put(out);
  }

  std::string command_name_;
  const DisplayOptions options_;
  std::string head_;
  std::string stopping_;
  ViewLines lines_;
  ProjectView last_;
  Clock::time_point next_ = Clock::now();
  size_t drawn_ = 0;
  unsigned width_ = 0;
  bool is_suspended_ = false;
};

}  // namespace

void RestoreTerminal() {
  if (g_cursor_is_hidden.exchange(false)) Put(kShowCursor);
}

std::unique_ptr<RunEvents> MakeLiveDisplay(const DisplayOptions& options) {
  return std::make_unique<LiveDisplay>(options);
}

}  // namespace godwit
