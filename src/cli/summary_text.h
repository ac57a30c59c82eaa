// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "metadata/metadata.h"
#include "project/figures.h"
#include "project/runner.h"
#include "stage/selection.h"

namespace godwit {

// The last lines of a run, for people: what became of it, and how to go on.
std::string SummaryText(const RunOutcome& outcome, const std::string& project, int signal);
std::string CheckText(const JournalEntry& entry);
// What goes where, and what stays; of either at most so many names.
std::string SelectionText(const SelectionPreview& selection, size_t names);
// Inserts, updates and deletes by table, the busiest first; empty where there were none.
std::string ChangesText(const std::map<TableName, ChangeCounts>& changes, size_t names);
// Latency, speed and place of a link whose flows run.
std::string LinkText(const FlowView& flow);

// Recent speed of a counter, over about five seconds.
class RateMeter {
 public:
  double Add(double seconds, int64_t value);

 private:
  struct Point {
    double seconds;
    int64_t value;
  };
  std::vector<Point> points_;
};

}  // namespace godwit
