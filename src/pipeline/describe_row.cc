// SPDX-License-Identifier: Apache-2.0
#include "pipeline/describe_row.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

#include "base/byte_writer.h"

namespace godwit {
namespace {

constexpr size_t kShownBytes = 80;
constexpr size_t kShownColumns = 4;

// Terminals and files of messages take text: bytes are shown by their digits, and no character is
// cut.
std::string ShowCell(const LogicalType& type, const RowBatch& rows, size_t row, size_t cell) {
  if (!rows.has_value(row, cell)) return rows.is_null(row, cell) ? "NULL" : "?";
  const bool are_bytes =
      type.is_bytes() || type.kind == TypeKind::kGeometry || type.kind == TypeKind::kBit;
  const std::string_view value = rows.cell(row, cell);
  size_t shown = std::min(value.size(), kShownBytes);
  while (!are_bytes && shown > 0 && shown < value.size() && (value[shown] & 0xc0) == 0x80) --shown;
  std::string out = are_bytes ? "x'" : "'";
  for (unsigned char c : value.substr(0, shown)) {
    if (are_bytes) {
      out += fmt::format("{:02x}", c);
    } else {
      c < 0x20 || c == 0x7f ? out += fmt::format("\\x{:02x}", c) : out += static_cast<char>(c);
    }
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
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", column.name,
                       ShowCell(column.type, rows, row, i));
  }
  return out;
}

std::string DigestRow(const RowBatch& rows, size_t row, const std::vector<int>& cells) {
  std::string bytes;
  auto add = [&](size_t cell) {
    AppendFixed(bytes, static_cast<uint32_t>(rows.state(row, cell)));
    AppendFixed(bytes, static_cast<uint64_t>(rows.cell(row, cell).size()));
    bytes += rows.cell(row, cell);
  };
  for (int cell : cells) add(static_cast<size_t>(cell));
  for (size_t cell = 0; cells.empty() && cell < rows.columns(); ++cell) add(cell);
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace godwit
