// SPDX-License-Identifier: Apache-2.0
#include "pipeline/chunk_planner.h"

#include <algorithm>

namespace godwit {

namespace {
constexpr uint64_t kSmallestChunk = 500;  // rows; below it the statements cost more than the rows
}

ChunkPlanner::ChunkPlanner(ScanPlan scan, uint64_t row_bytes, Goal goal,
                           std::optional<KeyTuple> after)
    : scan_(std::move(scan)),
      goal_(goal),
      after_(std::move(after)),
      row_bytes_(std::max<uint64_t>(row_bytes, 1)) {}

KeyRange ChunkPlanner::Next(RowReader& reader) {
  KeyRange range{after_, {}};
  if (!scan_.key.empty()) range.through = reader.Boundary(scan_, {after_, {}}, NextSize());
  after_ = range.through;
  return range;
}

void ChunkPlanner::Measured(uint64_t rows, uint64_t bytes, std::chrono::milliseconds time) {
  if (rows == 0) return;
  row_bytes_.store(std::max<uint64_t>(bytes / rows, 1));
  rows_per_second_.store(rows * 1000 / std::max<int64_t>(time.count(), 1));
}

uint64_t ChunkPlanner::NextSize() const {
  uint64_t rows = goal_.bytes / row_bytes_.load();
  uint64_t speed = rows_per_second_.load();
  if (speed != 0) rows = std::min<uint64_t>(rows, speed * goal_.time.count() / 1000);
  return std::clamp(rows, std::min(kSmallestChunk, std::max<uint64_t>(rows, 1)), goal_.max_rows);
}

}  // namespace godwit
