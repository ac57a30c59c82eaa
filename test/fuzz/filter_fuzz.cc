// SPDX-License-Identifier: Apache-2.0
// Any text is either refused with FILTER_INVALID or compiled to a filter that can judge any row.
#include <cstdlib>

#include "base/error.h"
#include "translate/row_predicate_parser.h"

namespace {

using godwit::ColumnSchema;
using godwit::RowBatch;
using godwit::TableSchema;
using godwit::TypeKind;

const TableSchema& Table() {
  static const TableSchema table = [] {
    TableSchema t;
    t.name = {"d", "t"};
    auto add = [&](const char* name, godwit::LogicalType type, const char* collation) {
      ColumnSchema column;
      column.name = name;
      column.type = std::move(type);
      column.collation = collation;
      t.columns.push_back(std::move(column));
    };
    add("i", {.kind = TypeKind::kInteger, .bits = 64}, "");
    add("d", {.kind = TypeKind::kDecimal, .precision = 20, .scale = 2}, "");
    add("f", {.kind = TypeKind::kFloat, .bits = 64}, "");
    add("s", {.kind = TypeKind::kVarchar, .length = 10}, "utf8mb4_general_ci");
    add("b", {.kind = TypeKind::kVarbinary, .length = 10}, "");
    add("a", {.kind = TypeKind::kDatetime}, "");
    add("j", {.kind = TypeKind::kJson}, "");
    return t;
  }();
  return table;
}

void AddRow(RowBatch& rows, const std::vector<int>& columns, const char* const* cells) {
  for (int column : columns) {
    if (cells[column] == nullptr) {
      rows.AddNull();
    } else {
      rows.Add(cells[column]);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const char* const kRows[][7] = {
      {"-9223372036854775808", "-0.50", "1e+300", "Zürich", "\xff", "2024-01-01 00:00:00", "{}"},
      {"0", "0.00", "0", "", "", "0000-00-00 00:00:00", "1"},
      {nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr},
  };
  try {
    auto predicate = godwit::ParseRowFilter({reinterpret_cast<const char*>(data), size}, Table());
    const std::vector<int>& columns = predicate->columns();
    if (columns.empty()) return 0;
    std::vector<int> cell_of(columns.size());
    for (size_t i = 0; i < columns.size(); ++i) cell_of[i] = static_cast<int>(i);
    RowBatch rows(columns.size());
    for (const auto& cells : kRows) AddRow(rows, columns, cells);
    for (size_t row = 0; row < rows.rows(); ++row) predicate->Passes(rows, row, cell_of);
  } catch (const godwit::Error& error) {
    if (error.code() != "FILTER_INVALID") std::abort();
  }
  return 0;
}
