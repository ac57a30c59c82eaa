// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <optional>

#include "endpoint/row_reader.h"
#include "model/chunk.h"

namespace godwit {

// Cuts one table into chunks, one at a time: each boundary is taken from the key's index, so many
// rows above the last. The size follows the bytes of a row and the time chunks were measured to
// take. One thread plans; Measured may be called from any.
class ChunkPlanner {
 public:
  struct Goal {
    uint64_t bytes = 8 << 20;
    std::chrono::milliseconds time{2000};  // a chunk should not take longer
    uint64_t max_rows = 200'000;
  };

  // `after`: where an earlier run stopped planning.
  ChunkPlanner(ScanPlan scan, uint64_t row_bytes, Goal goal, std::optional<KeyTuple> after);

  // The next range; the one without an upper end is the last.
  KeyRange Next(RowReader& reader);
  void Measured(uint64_t rows, uint64_t bytes, std::chrono::milliseconds time);

 private:
  uint64_t NextSize() const;

  const ScanPlan scan_;
  const Goal goal_;
  std::optional<KeyTuple> after_;
  std::atomic<uint64_t> row_bytes_;
  std::atomic<uint64_t> rows_per_second_{0};
};

}  // namespace godwit
