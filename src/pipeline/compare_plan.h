// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "endpoint/catalog.h"
#include "pipeline/normal_cell.h"
#include "pipeline/table_plan.h"

namespace godwit {

// What comparing one table needs to know, worked out once. The compared columns have the same
// places in the rows of both sides ("cells"): first those that are carried, then those that the
// destination computes itself. Immutable; any thread.
struct ComparePlan {
  std::shared_ptr<const TablePlan> plan;
  ScanPlan source;  // with a filter: also the columns only the filter needs
  ScanPlan destination;
  size_t carried = 0;              // so many cells can be written
  std::vector<int> computed;       // of the others: the source's columns
  std::vector<int> key_cells;      // places of the key; empty: whole rows are matched
  std::vector<NormalCell> normal;  // per cell: what of it is compared
  bool orders_alike = false;       // both servers order this key in the same way

  static std::shared_ptr<const ComparePlan> Make(std::shared_ptr<const TablePlan> plan);

  bool has_key() const { return !key_cells.empty(); }
  bool is_computed(size_t cell) const { return cell >= carried; }
  const TableName& name() const { return source.table->name; }
  const ColumnSchema& source_column(size_t cell) const {
    return plan->source()
        ->columns[is_computed(cell) ? computed[cell - carried] : plan->source_scan().columns[cell]];
  }
  const ColumnSchema& destination_column(size_t cell) const {
    return destination.table->columns[destination.columns[cell]];
  }
  // Rows as read of the source, without what the filter leaves out. May return `read` itself.
  const RowBatch& Mapped(const RowBatch& read, RowBatch& scratch) const;
  bool CellsEqual(const RowBatch& a, size_t row_a, const RowBatch& b, size_t row_b,
                  size_t cell) const;
  // The cell of a key as all its comparisons take it; `scratch` may hold it.
  std::string_view KeyCell(int cell, std::string_view bytes, std::string& scratch) const;
  KeyTuple KeyOf(const RowBatch& rows, size_t row) const;
  // Whether both servers define the table as they did when the plan was made (Essence).
  bool IsCurrent(Catalog& here, Catalog& there) const;
};

// What of a definition decides what a row's bytes mean and which row is which. Comments, defaults
// and plain indexes do not.
TableSchema Essence(const TableSchema& table);

// One table to compare.
struct CompareJob {
  std::shared_ptr<const ComparePlan> plan;
  TableEstimate estimate;
  // By which the table came under its name in the Log's history (SchemaVersion::since), where
  // changes are followed; else 0. Another one tells of what two definitions do not show: tables
  // that have exchanged their names.
  uint64_t version = 0;
};

std::string EncodeKey(const KeyTuple& key);
KeyTuple DecodeKey(std::string_view bytes);

}  // namespace godwit
