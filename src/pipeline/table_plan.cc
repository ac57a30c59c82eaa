// SPDX-License-Identifier: Apache-2.0
#include "pipeline/table_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "pipeline/table_plan_losses.h"
#include "translate/row_predicate_parser.h"

namespace godwit {
namespace {

int PlaceOf(const std::vector<int>& ordinals, int ordinal) {
  auto found = std::find(ordinals.begin(), ordinals.end(), ordinal);
  return found == ordinals.end() ? -1 : static_cast<int>(found - ordinals.begin());
}

// Places within `columns` of the index's parts; empty unless every part is a whole column of them.
std::vector<int> WholeParts(const TableSchema& table, const IndexSchema& index,
                            const std::vector<int>& columns) {
  std::vector<int> places;
  for (const KeyPart& part : index.parts) {
    if (!part.expression.empty() || part.prefix_length != 0) return {};
    int place = PlaceOf(columns, table.FindColumn(part.column));
    if (place < 0) return {};
    places.push_back(place);
  }
  return places;
}

bool IsSameSet(std::vector<int> a, std::vector<int> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  return a == b;
}

double NumberOf(const std::string& text) {
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  return end == text.c_str() || *end != '\0' ? std::nan("") : value;
}

// Only literals: the moment of an expression would be another. Servers print one number in several
// ways.
bool HasSameDefault(const ColumnSchema& a, const ColumnSchema& b) {
  using Kind = ColumnSchema::Default::Kind;
  if (!a.default_value || !b.default_value) return false;
  if (a.default_value->kind != Kind::kLiteral || b.default_value->kind != Kind::kLiteral) {
    return false;
  }
  const std::string& x = a.default_value->text;
  const std::string& y = b.default_value->text;
  if (x == y) return true;
  bool is_number = a.type.kind == b.type.kind &&
                   (a.type.kind == TypeKind::kInteger || a.type.kind == TypeKind::kDecimal ||
                    a.type.kind == TypeKind::kFloat);
  return is_number && NumberOf(x) == NumberOf(y);
}

bool FillsItself(const ColumnSchema& column) {
  return column.nullable || column.default_value || column.auto_increment || column.is_generated();
}

// utf8mb3, which older servers call utf8, compares its characters as utf8mb4 does.
std::string CollationName(const std::string& collation) {
  if (collation.starts_with("utf8_")) return "utf8mb4_" + collation.substr(5);
  return collation.starts_with("utf8mb3_") ? "utf8mb4_" + collation.substr(8) : collation;
}

// In ASCII. Those that tell accents apart, and Turkish ones, are left to their bytes.
bool IgnoresCase(const std::string& collation) {
  return collation.ends_with("_ci") && !collation.ends_with("_as_ci") &&
         collation.find("turkish") == std::string::npos &&
         collation.find("_tr_") == std::string::npos;
}

void CheckCarried(const TableSchema& source, const WritePlan& write) {
  if (!write.columns.empty()) return;
  throw Error({.code = "PLAN_NOTHING_CARRIED",
               .kind = ErrorKind::kBlocked,
               .side = Side::kSource,
               .object = source.name.ToString(),
               .message = "no column of the table would be carried",
               .cause = "the rules select none of its columns, or all are generated",
               .remedy = "correct the rule's columns, or exclude the table"});
}

void CheckUnfilled(const WritePlan& write) {
  for (size_t i = 0; i < write.table->columns.size(); ++i) {
    const ColumnSchema& column = write.table->columns[i];
    if (PlaceOf(write.columns, static_cast<int>(i)) >= 0 || FillsItself(column)) continue;
    throw Error({.code = "PLAN_COLUMN_UNFILLED",
                 .kind = ErrorKind::kBlocked,
                 .side = Side::kDestination,
                 .object = write.table->name.ToString(),
                 .message = fmt::format("column {} gets no value", column.name),
                 .cause = "it is NOT NULL, has no default, and no selected column of the source "
                          "goes there",
                 .remedy = "give it a default at the destination, or select a source column for "
                           "it"});
  }
}

void CheckLosses(const TableSchema& source, const TableSchema& destination,
                 const TableMapping& mapping) {
  std::string losses;
  for (const LossyColumn& column : FindLossyColumns(source, destination, mapping)) {
    losses += fmt::format("{}column {}: {}", losses.empty() ? "" : "; ", column.name, column.loss);
  }
  if (losses.empty()) return;
  throw Error({.code = "PLAN_COLUMN_COARSER",
               .kind = ErrorKind::kBlocked,
               .side = Side::kDestination,
               .object = destination.name.ToString(),
               .message = "values would not be kept as they are: " + losses,
               .cause = "the column's type at the destination is coarser than at the source, and "
                        "the server changes such values without an error",
               .remedy = "give the column the source's type at the destination, or exclude it in "
                         "the rules"});
}

// Cells whose equality is a matter of a collation.
bool ComparesAsText(const LogicalType& type) {
  return type.is_text() || type.is_bytes() || type.kind == TypeKind::kEnum ||
         type.kind == TypeKind::kSet;
}

}  // namespace

std::shared_ptr<const TablePlan> TablePlan::Make(TableSchemaPtr source, TableSchemaPtr destination,
                                                 const TableMapping& mapping) {
  auto plan = ForComparing(std::move(source), std::move(destination), mapping);
  CheckLosses(*plan->source(), *plan->destination(), mapping);
  return plan;
}

std::shared_ptr<const TablePlan> TablePlan::ForComparing(TableSchemaPtr source,
                                                         TableSchemaPtr destination,
                                                         const TableMapping& mapping) {
  std::shared_ptr<TablePlan> plan(new TablePlan());
  plan->scan_.table = source;
  plan->source_scan_.table = std::move(source);
  plan->destination_scan_.table = destination;
  plan->write_.table = std::move(destination);
  plan->CarryColumns(mapping);
  CheckCarried(*plan->source_scan_.table, plan->write_);
  CheckUnfilled(plan->write_);
  plan->FindKeys();
  plan->FindOddTexts();
  plan->AddFilter(mapping);
  return plan;
}

void TablePlan::CarryColumns(const TableMapping& mapping) {
  const TableSchema& source = *scan_.table;
  const TableSchema& destination = *write_.table;
  for (size_t i = 0; i < source.columns.size(); ++i) {
    const ColumnSchema& column = source.columns[i];
    if (!mapping.Carries(column.name)) continue;
    std::string name = mapping.NameOf(column.name);
    int to = destination.FindColumn(name);
    if (to < 0 && column.is_generated()) continue;  // left out with a column it is made from
    if (to < 0) {
      throw Error({.code = "PLAN_COLUMN_MISSING",
                   .kind = ErrorKind::kBlocked,
                   .side = Side::kDestination,
                   .object = destination.name.ToString(),
                   .message = fmt::format("there is no column {} for {}.{}", name,
                                          source.name.ToString(), column.name),
                   .cause = "a selected column of the source has no counterpart",
                   .remedy = "add the column at the destination, or exclude it in the rules"});
    }
    if (destination.columns[to].is_generated()) {
      computed_.emplace_back(static_cast<int>(i), to);
      continue;
    }
    scan_.columns.push_back(static_cast<int>(i));
    write_.columns.push_back(to);
    has_same_default_.push_back(HasSameDefault(column, destination.columns[to]));
  }
  carries_all_ = scan_.columns.size() == source.columns.size();
  source_scan_.columns = scan_.columns;
  destination_scan_.columns = write_.columns;
}

// A key that is not unique at the destination too identifies nothing there: the table is then
// treated as keyless on both sides.
void TablePlan::FindKeys() {
  for (size_t i = 0; i < write_.table->indexes.size(); ++i) {
    const IndexSchema& index = write_.table->indexes[i];
    if (!index.is_unique()) continue;
    if (!IsVouchedFor(index)) {
      write_.own_uniques.push_back(static_cast<int>(i));
      has_known_keys_ = false;
    }
    std::vector<int> places = WholeParts(*write_.table, index, write_.columns);
    if (!places.empty()) write_.unique_keys.push_back(std::move(places));
    for (const KeyPart& part : index.parts) {
      const int ordinal = part.expression.empty() ? write_.table->FindColumn(part.column) : -1;
      has_known_keys_ = has_known_keys_ && PlaceOf(write_.columns, ordinal) >= 0;
    }
  }
  const std::vector<int> identity = scan_.table->identity_columns();
  std::vector<int> places;
  for (int ordinal : identity) {
    int place = PlaceOf(scan_.columns, ordinal);
    if (place < 0) return;
    places.push_back(place);
  }
  if (places.empty()) return;
  bool is_unique_there =
      std::any_of(write_.unique_keys.begin(), write_.unique_keys.end(),
                  [&](const std::vector<int>& key) { return IsSameSet(key, places); });
  if (!is_unique_there) return;
  scan_.key = identity;
  source_scan_.key = identity;
  write_.key = places;
  for (int place : places) destination_scan_.key.push_back(write_.columns[place]);
}

// Whether the source never has two rows that share a value in this index of the destination: it has
// a unique one over the same columns or fewer of them, and no more of each. Example: u(a) there is
// vouched for by u(a) and by u(a(5)), not by u(a,b) nor, if it is u(a(3)), by u(a).
bool TablePlan::IsVouchedFor(const IndexSchema& index) const {
  const std::vector<IndexSchema>& indexes = scan_.table->indexes;
  return std::any_of(indexes.begin(), indexes.end(), [&](const IndexSchema& here) {
    return here.is_unique() && !here.parts.empty() &&
           std::all_of(here.parts.begin(), here.parts.end(),
                       [&](const KeyPart& part) { return IsWithin(part, index); });
  });
}

// Whether rows that share a value in this index of the destination share this part of the source's.
bool TablePlan::IsWithin(const KeyPart& part, const IndexSchema& there) const {
  if (!part.expression.empty()) return false;
  const int place = PlaceOf(scan_.columns, scan_.table->FindColumn(part.column));
  if (place < 0) return false;
  const auto cell = static_cast<size_t>(place);
  const ColumnSchema& from = scan_.table->columns[static_cast<size_t>(scan_.columns[cell])];
  const ColumnSchema& to = write_.table->columns[static_cast<size_t>(write_.columns[cell])];
  if (!LossOf(from, to).empty()) return false;
  return std::any_of(there.parts.begin(), there.parts.end(), [&](const KeyPart& other) {
    const bool is_it =
        other.expression.empty() && write_.table->FindColumn(other.column) == write_.columns[cell];
    if (!is_it || other.prefix_length == 0) return is_it;
    // Prefixes are of characters or of bytes.
    return part.prefix_length != 0 && part.prefix_length <= other.prefix_length &&
           from.type.is_text() == to.type.is_text();
  });
}

void TablePlan::FindOddTexts() {
  for (size_t i = 0; i < write_.columns.size(); ++i) {
    const ColumnSchema& from = scan_.table->columns[static_cast<size_t>(scan_.columns[i])];
    const ColumnSchema& to = write_.table->columns[static_cast<size_t>(write_.columns[i])];
    if (!to.type.is_text() || !ComparesAsText(from.type)) continue;
    if (CollationName(from.collation) == CollationName(to.collation)) continue;
    auto& places = IgnoresCase(from.collation) ? write_.case_texts : write_.byte_texts;
    places.push_back(static_cast<int>(i));
  }
}

void TablePlan::AddFilter(const TableMapping& mapping) {
  if (mapping.where.empty()) return;
  filter_ = ParseRowFilter(mapping.where, *scan_.table);
  for (int ordinal : filter_->columns()) {
    int place = PlaceOf(scan_.columns, ordinal);
    if (place < 0) {
      place = static_cast<int>(scan_.columns.size());
      scan_.columns.push_back(ordinal);
    }
    filter_cells_.push_back(place);
  }
}

void TablePlan::MapRows(const RowBatch& rows, RowBatch& out, size_t also) const {
  const size_t carried = write_.columns.size();
  out.Reset(carried + also);
  for (size_t row = 0; row < rows.rows(); ++row) {
    if (filter_ && !filter_->Passes(rows, row, filter_cells_)) continue;
    for (size_t c = 0; c < carried; ++c) out.AddCellOf(rows, row, c);
    for (size_t i = 0; i < also; ++i) out.AddCellOf(rows, row, scan_.columns.size() + i);
  }
}

// `older` has the cells that `rows` does not carry: an update's after-image may leave out columns
// that stay as they were.
bool TablePlan::PassesChange(const RowBatch& rows, const RowBatch* older, size_t row) const {
  const std::vector<int>& columns = filter_->columns();
  bool is_whole = std::none_of(columns.begin(), columns.end(),
                               [&](int c) { return rows.is_absent(row, static_cast<size_t>(c)); });
  if (is_whole) return filter_->Passes(rows, row, columns);
  RowBatch merged(rows.columns());
  for (size_t c = 0; c < rows.columns(); ++c) {
    bool is_older = older != nullptr && rows.is_absent(row, c);
    merged.AddCellOf(is_older ? *older : rows, row, c);
  }
  for (int c : columns) {
    if (merged.is_absent(0, static_cast<size_t>(c))) {
      TooPartial(static_cast<size_t>(PlaceOf(scan_.columns, c)), "judge a row by the filter");
    }
  }
  return filter_->Passes(merged, 0, columns);
}

void TablePlan::TooPartial(size_t cell, std::string_view needed_to) const {
  const auto ordinal = static_cast<size_t>(scan_.columns[cell]);
  throw Error({.code = "CHANGE_IMAGE_PARTIAL",
               .kind = ErrorKind::kBlocked,
               .side = Side::kSource,
               .object = source()->name.ToString(),
               .message = fmt::format("a row image lacks column {}, which is needed to {}",
                                      source()->columns[ordinal].name, needed_to),
               .cause = "the session that changed the row did not log full row images",
               .remedy = "let the source log full row images and copy the table again, or skip the "
                         "change and correct the table after a verification"});
}

// By its key a row is found, in a keyless table by all that it holds.
void TablePlan::CheckOldImage(const RowBatch& rows, size_t row) const {
  auto need = [&](size_t cell) {
    if (rows.is_absent(row, static_cast<size_t>(scan_.columns[cell]))) {
      TooPartial(cell, "find the row");
    }
  };
  for (int cell : write_.key) need(static_cast<size_t>(cell));
  for (size_t cell = 0; write_.key.empty() && cell < write_.columns.size(); ++cell) need(cell);
}

// What an insert leaves out is the column's default; what an update leaves out is not known.
void TablePlan::CheckNewRow(const RowBatch& mapped, size_t row, ChangeOp logged_as) const {
  for (size_t cell = 0; cell < write_.columns.size(); ++cell) {
    if (!mapped.is_absent(row, cell)) continue;
    if (logged_as != ChangeOp::kInsert || !has_same_default_[cell]) {
      TooPartial(cell, "make the row");
    }
  }
}

// A new image that leaves columns out is put together from both.
bool TablePlan::GoesAsItIs(const RowsChange& change) const {
  if (!carries_all_ || filter_) return false;
  return change.op == ChangeOp::kDelete || !change.after.has_absent();
}

void TablePlan::MapChange(RowsChange&& change, MappedChange& out) const {
  const size_t carried = write_.columns.size();
  out.ops.clear();
  out.before.Reset(carried);
  out.after.Reset(carried);
  if (GoesAsItIs(change)) {
    const size_t rows = change.rows();
    const bool has_before = change.op != ChangeOp::kInsert;
    for (size_t row = 0; has_before && row < rows; ++row) CheckOldImage(change.before, row);
    out.ops.assign(rows, change.op);
    out.before = std::move(change.before);
    out.after = std::move(change.after);
    if (change.op == ChangeOp::kUpdate) return;
    RowBatch& lacking = has_before ? out.after : out.before;
    lacking.Reset(carried);
    for (size_t cell = 0; cell < rows * carried; ++cell) lacking.AddAbsent();
    return;
  }
  auto add_before = [&](size_t row) {
    CheckOldImage(change.before, row);
    for (size_t c = 0; c < carried; ++c) {
      out.before.AddCellOf(change.before, row, static_cast<size_t>(scan_.columns[c]));
    }
  };
  auto add_after = [&](size_t row) {
    for (size_t c = 0; c < carried; ++c) {
      const auto ordinal = static_cast<size_t>(scan_.columns[c]);
      const bool stayed = change.op == ChangeOp::kUpdate && change.after.is_absent(row, ordinal);
      out.after.AddCellOf(stayed ? change.before : change.after, row, ordinal);
    }
  };
  auto add_absent = [&](RowBatch& to) {
    for (size_t c = 0; c < carried; ++c) to.AddAbsent();
  };
  const bool has_before = change.op != ChangeOp::kInsert;
  const bool has_after = change.op != ChangeOp::kDelete;
  for (size_t row = 0; row < change.rows(); ++row) {
    bool was_in = has_before;
    bool is_in = has_after;
    if (filter_) {
      was_in = has_before && PassesChange(change.before, nullptr, row);
      is_in = has_after && PassesChange(change.after, has_before ? &change.before : nullptr, row);
    }
    if (!was_in && !is_in) continue;
    const ChangeOp op = !was_in ? ChangeOp::kInsert : is_in ? ChangeOp::kUpdate : ChangeOp::kDelete;
    out.ops.push_back(op);
    was_in ? add_before(row) : add_absent(out.before);
    is_in ? add_after(row) : add_absent(out.after);
    if (op != ChangeOp::kInsert) continue;
    CheckNewRow(out.after, out.after.rows() - 1, change.op);
  }
}

}  // namespace godwit
