// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "endpoint/row_reader.h"
#include "endpoint/sink.h"
#include "model/change.h"
#include "model/object_rules.h"
#include "translate/row_predicate.h"

namespace godwit {

// A RowsChange in the destination's terms. Row i is `ops[i]`, with its images in before.row(i) and
// after.row(i) (a row of absent cells where the operation has none).
struct MappedChange {
  std::vector<ChangeOp> ops;
  RowBatch before;
  RowBatch after;
};

// Filter, rename and column map of one table under one definition of each side: made once, then
// only run. Immutable; any thread.
class TablePlan {
 public:
  // `source` is the definition the rows were captured or are read under; `destination` the table as
  // it is there. Throws PLAN_COLUMN_MISSING (kBlocked) where a selected column has no counterpart,
  // PLAN_COLUMN_UNFILLED where a column of the destination gets no value and has no default,
  // PLAN_NOTHING_CARRIED, FILTER_INVALID; PLAN_COLUMN_COARSER where a column of the destination
  // would change values without a word.
  static std::shared_ptr<const TablePlan> Make(TableSchemaPtr source, TableSchemaPtr destination,
                                               const TableMapping& mapping);
  // The same for tables that are only compared: their types may be what they are.
  static std::shared_ptr<const TablePlan> ForComparing(TableSchemaPtr source,
                                                       TableSchemaPtr destination,
                                                       const TableMapping& mapping);

  // What must be read of the source: the carried columns, then those only the filter needs.
  const ScanPlan& scan() const { return scan_; }
  // The carried columns, in the order of scan().columns, as they are written.
  const WritePlan& write() const { return write_; }
  // The same columns read back from the destination; its key is the source key's counterpart.
  const ScanPlan& destination_scan() const { return destination_scan_; }
  // The source side of that: without the columns only the filter needs.
  const ScanPlan& source_scan() const { return source_scan_; }
  // Whether a row tells by what it carries which rows of the destination it is, or clashes with,
  // and the source too calls those the same row.
  bool can_displace() const { return !write_.key.empty() && has_known_keys_; }
  bool has_filter() const { return filter_ != nullptr; }

  // Columns that the destination computes itself, by ordinals here and there: not carried, but what
  // comes of them can be compared.
  const std::vector<std::pair<int, int>>& computed() const { return computed_; }

  // Rows read under scan(): those that pass the filter, carried columns only, then `also` of the
  // cells that were read behind those of scan().
  void MapRows(const RowBatch& rows, RowBatch& out, size_t also = 0) const;
  // The same without a copy where there is no filter: rows are then read as they are written. The
  // result is `rows` or `room`.
  const RowBatch& Mapped(const RowBatch& rows, RowBatch& room) const {
    if (!has_filter()) return rows;
    MapRows(rows, room);
    return room;
  }
  // A change captured under source(): an update across the filter's boundary becomes an insert or a
  // delete, rows outside of it are left out. What an update's new image leaves out is taken from
  // the old one, where that has it. Images that go as they are are moved, not copied. Throws
  // CHANGE_IMAGE_PARTIAL (kBlocked) where the log says too little to find a row, to judge it by the
  // filter or to make it; the change is then as it was.
  void MapChange(RowsChange&& change, MappedChange& out) const;

  const TableSchemaPtr& source() const { return scan_.table; }
  const TableSchemaPtr& destination() const { return write_.table; }

 private:
  TablePlan() = default;
  void CarryColumns(const TableMapping& mapping);
  void FindKeys();
  bool IsVouchedFor(const IndexSchema& index) const;
  bool IsWithin(const KeyPart& part, const IndexSchema& there) const;
  void FindOddTexts();
  void AddFilter(const TableMapping& mapping);
  bool PassesChange(const RowBatch& rows, const RowBatch* older, size_t row) const;
  void CheckOldImage(const RowBatch& rows, size_t row) const;
  void CheckNewRow(const RowBatch& mapped, size_t row, ChangeOp logged_as) const;
  bool GoesAsItIs(const RowsChange& change) const;
  [[noreturn]] void TooPartial(size_t cell, std::string_view needed_to) const;

  ScanPlan scan_;
  ScanPlan source_scan_;
  ScanPlan destination_scan_;
  WritePlan write_;
  // By carried column: a new row that leaves it out gets the same value on both sides.
  std::vector<bool> has_same_default_;
  std::vector<std::pair<int, int>> computed_;
  bool carries_all_ = false;  // of the source's columns, in their order
  // Every unique key of the destination is of carried columns, and the source's too.
  bool has_known_keys_ = true;
  std::shared_ptr<const RowPredicate> filter_;
  std::vector<int> filter_cells_;  // where scan()'s rows have the columns the filter looks at
};

}  // namespace godwit
