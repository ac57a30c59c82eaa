// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "pipeline/lane_writer.h"
#include "pipeline/link.h"
#include "pipeline/merge_window.h"
#include "pipeline/replay_mapper.h"
#include "pipeline/replay_progress.h"

namespace godwit {

// Catches up by merged windows: takes transactions from the Log up to a bound in bytes, folds and
// cuts them, and lets each lane apply a share. A lane row names its share by (first, last, shares),
// from which the same window is built again after a crash, to apply only what is missing. Called
// with nothing in flight, by one thread.
class MergeRunner {
 public:
  MergeRunner(Link& link, ReplayMapper& mapper, ReplayProgress& progress,
              std::vector<std::unique_ptr<LaneWriter>>& writers);

  struct Applied {
    Sequence last = 0;
    size_t transactions = 0;
    size_t rows = 0;
    size_t bytes = 0;
    int64_t source_time_us = 0;
  };
  // Nothing where the transactions from `first` on do not lend themselves to it.
  std::optional<Applied> Run(Sequence first, std::stop_token stop);
  // Ends the window that an earlier run began.
  Applied Finish(const ReplayProgress::OpenWindow& window, std::stop_token stop);

 private:
  struct Collected {
    std::unique_ptr<MergeWindow> window;
    Applied totals;
  };

  Collected Collect(Sequence first, std::optional<Sequence> last, uint32_t shares,
                    std::stop_token stop);
  void Apply(const MergeWindow& window, const ReplayProgress::OpenWindow& open,
             std::stop_token stop);

  Link& link_;
  ReplayMapper& mapper_;
  ReplayProgress& progress_;
  std::vector<std::unique_ptr<LaneWriter>>& writers_;
};

}  // namespace godwit
