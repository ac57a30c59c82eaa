// SPDX-License-Identifier: Apache-2.0
#include "pipeline/compare_plan.h"

#include <algorithm>

#include "base/byte_reader.h"
#include "base/byte_writer.h"

namespace godwit {

namespace {

// Whether every server orders values of this type in the same way. Not floats (rounding), not text
// (collations), not enum and set (by index, which may differ).
bool IsOrderedAlike(const LogicalType& a, const LogicalType& b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case TypeKind::kInteger:
    case TypeKind::kDecimal:
    case TypeKind::kBit:
    case TypeKind::kBinary:
    case TypeKind::kVarbinary:
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kDatetime:
    case TypeKind::kTimestamp:
      return true;
    default:
      return false;
  }
}

// A type that no code here knows has no cells.
bool CanRead(const LogicalType& type) { return type.kind != TypeKind::kUnknown; }

}  // namespace

std::shared_ptr<const ComparePlan> ComparePlan::Make(std::shared_ptr<const TablePlan> table_plan) {
  auto out = std::make_shared<ComparePlan>();
  out->plan = std::move(table_plan);
  const TablePlan& plan = *out->plan;
  out->source = plan.has_filter() ? plan.scan() : plan.source_scan();
  out->destination = plan.destination_scan();
  const ScanPlan& carried = plan.source_scan();
  out->carried = carried.columns.size();
  for (const auto& [here, there] : plan.computed()) {
    if (!CanRead(plan.source()->columns[here].type) ||
        !CanRead(plan.destination()->columns[there].type)) {
      continue;
    }
    out->computed.push_back(here);
    out->source.columns.push_back(here);
    out->destination.columns.push_back(there);
  }
  for (size_t cell = 0; cell < out->destination.columns.size(); ++cell) {
    out->normal.push_back(
        NormalCellOf(out->source_column(cell).type, out->destination_column(cell).type));
  }
  out->orders_alike = !carried.key.empty();
  for (int ordinal : carried.key) {
    auto place = std::find(carried.columns.begin(), carried.columns.end(), ordinal);
    GODWIT_CHECK(place != carried.columns.end(), "the key's columns are carried");
    size_t cell = place - carried.columns.begin();
    out->key_cells.push_back(static_cast<int>(cell));
    const ColumnSchema& there = out->destination_column(cell);
    if (!IsOrderedAlike(out->source_column(cell).type, there.type)) out->orders_alike = false;
    // No range finds a row with NULL in its key.
    if (there.nullable || out->destination.key.empty()) {
      out->key_cells.clear();
      out->orders_alike = false;
      break;
    }
  }
  if (!out->has_key()) {
    out->source.key.clear();
    out->destination.key.clear();
  }
  return out;
}

const RowBatch& ComparePlan::Mapped(const RowBatch& read, RowBatch& scratch) const {
  if (!plan->has_filter()) return read;
  plan->MapRows(read, scratch, computed.size());
  return scratch;
}

bool ComparePlan::CellsEqual(const RowBatch& a, size_t row_a, const RowBatch& b, size_t row_b,
                             size_t cell) const {
  if (a.state(row_a, cell) != b.state(row_b, cell)) return false;
  std::string_view x = a.cell(row_a, cell);
  std::string_view y = b.cell(row_b, cell);
  if (x == y) return true;
  return normal[cell] != NormalCell::kBytes &&
         Normalized(normal[cell], x) == Normalized(normal[cell], y);
}

std::string_view ComparePlan::KeyCell(int cell, std::string_view bytes,
                                      std::string& scratch) const {
  const NormalCell form = normal[static_cast<size_t>(cell)];
  if (IsWrittenAlike(form)) return bytes;
  return scratch = Normalized(form, bytes);
}

KeyTuple ComparePlan::KeyOf(const RowBatch& rows, size_t row) const {
  KeyTuple key;
  key.reserve(key_cells.size());
  std::string scratch;
  for (int cell : key_cells) key.emplace_back(KeyCell(cell, rows.cell(row, cell), scratch));
  return key;
}

bool ComparePlan::IsCurrent(Catalog& here, Catalog& there) const {
  auto is_same = [](Catalog& catalog, const TableSchema& then) {
    const std::optional<TableSchema> now = catalog.Table(then.name);
    return now && Essence(*now) == Essence(then);
  };
  return is_same(here, *source.table) && is_same(there, *destination.table);
}

TableSchema Essence(const TableSchema& table) {
  TableSchema out;
  out.name = table.name;
  out.charset = table.charset;
  out.columns = table.columns;
  for (ColumnSchema& column : out.columns) {
    column.comment.clear();
    column.default_value.reset();
    column.auto_increment = false;
  }
  for (const IndexSchema& index : table.indexes) {
    if (index.is_unique()) out.indexes.push_back(index);
  }
  return out;
}

std::string EncodeKey(const KeyTuple& key) {
  std::string out;
  for (const std::string& cell : key) AppendLengthPrefixed(out, cell);
  return out;
}

KeyTuple DecodeKey(std::string_view bytes) {
  KeyTuple key;
  for (ByteReader in(bytes, "key"); !in.empty();) key.emplace_back(in.LengthPrefixed());
  return key;
}

}  // namespace godwit
