// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cli/summary_text.h"
#include "project/run_types.h"

namespace godwit {

// A line of the live display, cut to its columns.
struct ViewLine {
  enum class Tone { kPlain, kDim, kGood, kAttention, kBad };
  std::string text;
  Tone tone = Tone::kPlain;
};

// The moving lines that show a run: a bar per stage, what the flows do, what waits. Remembers what
// was shown before, for rates. Of narrow terminals the less important words are left out first.
class ViewLines {
 public:
  // `command_name`: the project as commands name it. `now` in seconds, rising.
  std::vector<ViewLine> Make(const ProjectView& view, std::string_view command_name, double now,
                             size_t columns);

 private:
  struct Word {
    std::string text;
    std::string brief;  // instead of it where room is short
    int rank = 0;       // the highest goes first
  };
  using Words = std::vector<Word>;

  ViewLine Stage(const StageView& stage, const ProjectView& view, double now, size_t columns);
  Words Running(const StageView& stage, double share, double now);
  Words Capturing(const FlowView& flow, double now);
  Words Replaying(const FlowView& flow, double now);
  double Rate(const std::string& what, double now, int64_t value);
  static std::string Fit(std::string line, Words words, size_t columns);

  std::map<std::string, RateMeter> meters_;
  double waiting_since_ = -1;
};

// Cut to so many columns; control characters become blanks. One column per code point.
std::string CutToColumns(std::string_view text, size_t columns);

}  // namespace godwit
