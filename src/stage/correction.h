// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/retry.h"
#include "pipeline/capturer.h"
#include "pipeline/compare_pair.h"
#include "pipeline/compare_plan.h"
#include "pipeline/link.h"
#include "pipeline/recheck.h"
#include "pipeline/replayer.h"

namespace godwit {

// Writes the source's rows over those of the destination that verification found missing or
// different. A row without counterpart in the source is left alone, and so is what the destination
// computes.
//
// While changes flow, some keys at a time:
// 1. The replayer is held: everything up to R is in the destination, nothing is in flight.
// 2. A start point is proved at the source: what is read from now on shows every change up to R, so
//    nothing that was replayed already is taken back.
// 3. The rows are read; E is a sequence past everything those reads can have seen.
// 4. Changes of the table up to E displace what they clash with, durably: those that the reads have
//    seen come once more, the others come for the first time, and the last one before E decides.
// 5. The rows are written in one transaction of a lane of its own, displacing; replay goes on.
class Corrector {
 public:
  struct Options {
    int lane = 0;  // not used by replay
    RetryPolicy retry;
    std::function<void(const Error*)> on_transient;
  };

  // `capturer` and `replayer` are null where nothing is followed.
  Corrector(Link& link, Capturer* capturer, Replayer* replayer, Options options);

  // Returns how many rows were written.
  uint64_t Correct(const ComparePlan& plan, const std::vector<KeyTuple>& keys,
                   std::stop_token stop);

 private:
  RowBatch Read(const ComparePlan& plan, const std::vector<KeyTuple>& keys, std::stop_token stop);
  void Write(const ComparePlan& plan, const RowBatch& rows, std::stop_token stop);

  Link& link_;
  Capturer* capturer_;
  Replayer* replayer_;
  const Options options_;
  ComparePair pair_;
  std::unique_ptr<ChangeWatch> watch_;
  std::unique_ptr<Sink> sink_;
};

}  // namespace godwit
