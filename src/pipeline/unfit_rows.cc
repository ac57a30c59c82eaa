// SPDX-License-Identifier: Apache-2.0
#include "pipeline/unfit_rows.h"

#include <fmt/format.h>

#include "base/crash_point.h"
#include "model/names.h"
#include "pipeline/describe_row.h"

namespace godwit {
namespace {

constexpr std::string_view kStage = "full";
constexpr std::string_view kKind = "row";
constexpr std::string_view kSkip = "skip";
constexpr std::string_view kDone = "done";

// By its key, in a keyless table by all that it holds: rows alike share one answer.
std::string IdOf(const WritePlan& plan, const RowBatch& rows, size_t row) {
  return DigestRow(rows, row, plan.key);
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

std::string PrefixOf(const TableName& table) {
  return fmt::format("left-out.{}.", table.ToString());
}

std::string KeyOf(const TableName& table, const UnfitRow& row) { return PrefixOf(table) + row.id; }

}  // namespace

uint64_t LoadWhatFits(Sink& sink, const WritePlan& plan, const RowBatch& rows,
                      const std::function<bool(UnfitRow)>& on_unfit) {
  Fitting fitting{sink, plan, rows, on_unfit};
  if (!rows.empty()) fitting.Load(0, rows.rows());
  return fitting.loaded;
}

bool LeftOutRows::Contains(const TableName& table, const UnfitRow& row) const {
  const auto left_out = metadata_.Setting(project_, KeyOf(table, row));
  return left_out && !left_out->empty();
}

void LeftOutRows::Note(const TableName& table, const UnfitRow& row, const Answer& answer) {
  if (answer.choice != Answer::Choice::kSkip && answer.choice != Answer::Choice::kDone) return;
  const bool is_skip = answer.choice == Answer::Choice::kSkip;
  metadata_.PutSetting(project_, KeyOf(table, row),
                       fmt::format("{} {}", is_skip ? kSkip : kDone, row.description));
  CrashPoint("full-after-row-left-out");
}

void LeftOutRows::ForgetDone(const TableName& table, const TableName& destination) {
  for (const auto& [key, text] : metadata_.Settings(project_, PrefixOf(table))) {
    if (text.starts_with(kDone)) metadata_.PutSetting(project_, key, "");
  }
  for (Finding& finding : metadata_.Findings(project_, std::string(kDone))) {
    const bool is_of_table = finding.stage == kStage && finding.kind == kKind &&
                             EqualNames(finding.object, destination.ToString());
    if (!is_of_table) continue;
    finding.status = "open";
    metadata_.UpdateFinding(project_, finding);
  }
}

BlockedItem ItemOf(const TableName& table, const UnfitRow& row) {
  return {.stage = std::string(kStage),
          .kind = std::string(kKind),
          .object = table.ToString(),
          .statement = "copy of " + row.description,
          .converted = "",
          .row = row.id,
          .error = row.error.WithContext("copy of " + row.description)};
}

}  // namespace godwit
