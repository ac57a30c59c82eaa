// SPDX-License-Identifier: Apache-2.0
#include "pipeline/unfit_rows.h"

#include <fmt/format.h>
#include <xxhash.h>

#include "base/byte_writer.h"
#include "pipeline/describe_row.h"

namespace godwit {
namespace {

// By its key, in a keyless table by all that it holds: rows alike share one answer.
std::string IdOf(const WritePlan& plan, const RowBatch& rows, size_t row) {
  std::string bytes;
  auto add = [&](size_t cell) {
    AppendFixed(bytes, static_cast<uint32_t>(rows.state(row, cell)));
    AppendFixed(bytes, static_cast<uint64_t>(rows.cell(row, cell).size()));
    bytes += rows.cell(row, cell);
  };
  for (int cell : plan.key) add(static_cast<size_t>(cell));
  for (size_t cell = 0; plan.key.empty() && cell < rows.columns(); ++cell) add(cell);
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

struct Fitting {
  Sink& sink;
  const WritePlan& plan;
  const RowBatch& rows;
  const std::function<bool(UnfitRow)>& on_unfit;
  uint64_t loaded = 0;

  // False when `on_unfit` has had enough.
  bool Load(size_t begin, size_t end) {
    RowBatch part(rows.columns());
    for (size_t row = begin; row < end; ++row) part.AddRow(rows, row);
    sink.Savepoint();
    try {
      sink.Load(plan, part);
      loaded += end - begin;
      return true;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kData) throw;
      sink.RollbackToSavepoint();
      if (end - begin == 1) {
        return on_unfit({begin, IdOf(plan, rows, begin), DescribeRow(plan, rows, begin), error});
      }
    }
    const size_t middle = begin + (end - begin) / 2;
    return Load(begin, middle) && Load(middle, end);
  }
};

std::string KeyOf(const TableName& table, const UnfitRow& row) {
  return fmt::format("left-out.{}.{}", table.ToString(), row.id);
}

}  // namespace

uint64_t LoadWhatFits(Sink& sink, const WritePlan& plan, const RowBatch& rows,
                      const std::function<bool(UnfitRow)>& on_unfit) {
  Fitting fitting{sink, plan, rows, on_unfit};
  if (!rows.empty()) fitting.Load(0, rows.rows());
  return fitting.loaded;
}

bool LeftOutRows::Contains(const TableName& table, const UnfitRow& row) const {
  return metadata_.Setting(project_, KeyOf(table, row)).has_value();
}

void LeftOutRows::Note(const TableName& table, const UnfitRow& row, const Answer& answer) {
  if (answer.choice != Answer::Choice::kSkip && answer.choice != Answer::Choice::kDone) return;
  const bool is_skip = answer.choice == Answer::Choice::kSkip;
  metadata_.PutSetting(project_, KeyOf(table, row),
                       fmt::format("{} {}", is_skip ? "skip" : "done", row.description));
}

BlockedItem ItemOf(const TableName& table, const UnfitRow& row) {
  return {.stage = "full",
          .kind = "row",
          .object = table.ToString(),
          .statement = "copy of " + row.description,
          .converted = "",
          .error = row.error.WithContext("copy of " + row.description)};
}

}  // namespace godwit
