// SPDX-License-Identifier: Apache-2.0
#include "pipeline/describe_row.h"

#include <fmt/format.h>

namespace godwit {
namespace {

constexpr size_t kShownBytes = 80;
constexpr size_t kShownColumns = 4;

std::string ShowCell(const RowBatch& rows, size_t row, size_t cell) {
  if (!rows.has_value(row, cell)) return rows.is_null(row, cell) ? "NULL" : "?";
  std::string out = "'";
  for (unsigned char c : rows.cell(row, cell).substr(0, kShownBytes)) {
    c < 0x20 || c == 0x7f ? out += fmt::format("\\x{:02x}", c) : out += static_cast<char>(c);
  }
  return out + "'";
}

}  // namespace

std::string DescribeRow(const WritePlan& plan, const RowBatch& rows, size_t row) {
  std::vector<int> cells = plan.key;
  for (size_t i = 0; plan.key.empty() && i < kShownColumns && i < rows.columns(); ++i) {
    cells.push_back(static_cast<int>(i));
  }
  std::string out;
  for (int cell : cells) {
    const auto i = static_cast<size_t>(cell);
    const ColumnSchema& column = plan.table->columns[static_cast<size_t>(plan.columns[i])];
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", column.name, ShowCell(rows, row, i));
  }
  return out;
}

}  // namespace godwit
