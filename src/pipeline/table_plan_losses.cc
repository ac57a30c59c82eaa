// SPDX-License-Identifier: Apache-2.0
#include "pipeline/table_plan_losses.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "model/names.h"

namespace godwit {
namespace {

constexpr const char* kOtherKind = "it holds values of another kind";
constexpr int kAnyDecimals = 1000;

bool HasDate(TypeKind kind) {
  return kind == TypeKind::kDate || kind == TypeKind::kDatetime || kind == TypeKind::kTimestamp;
}

// Digits behind the point. Those of a FLOAT(7,3) stand in its words alone.
int Decimals(const ColumnSchema& column) {
  if (column.type.kind == TypeKind::kInteger) return 0;
  if (column.type.kind == TypeKind::kDecimal) return column.type.scale;
  const size_t comma = column.native_type.find(',');
  if (comma == std::string::npos) return kAnyDecimals;
  return std::atoi(column.native_type.c_str() + comma + 1);
}

std::string LossInNumber(const ColumnSchema& from, const ColumnSchema& to) {
  if (!IsNumber(from.type.kind)) return kOtherKind;
  const bool becomes_year =
      to.native_type.starts_with("year") && !from.native_type.starts_with("year");
  if (becomes_year) return "it takes numbers below 100 for other years";
  const int kept = Decimals(to);
  if (Decimals(from) > kept) return fmt::format("it rounds to {} decimals", kept);
  const bool is_float = to.type.kind == TypeKind::kFloat;
  if (is_float && !HasDigitsFor(to.type.bits, from.type)) return "it keeps fewer digits";
  return "";
}

std::string LossInTime(const LogicalType& from, const LogicalType& to) {
  const bool is_time = to.kind == TypeKind::kTime;
  if (is_time ? from.kind != TypeKind::kTime : !HasDate(from.kind)) return kOtherKind;
  if (to.kind == TypeKind::kDate) return from.kind == TypeKind::kDate ? "" : "it cuts times of day";
  if (from.fsp <= to.fsp) return "";
  return fmt::format("it rounds fractions of a second to {} digits", to.fsp);
}

// MySQL manual, "The ENUM Type": a label that it does not have is an error, unless it differs from
// one in case only, or is a number, which then counts the labels.
std::string LossInLabels(const LogicalType& from, const LogicalType& to) {
  if (from.kind != to.kind) return kOtherKind;
  for (const std::string& label : from.labels) {
    if (std::find(to.labels.begin(), to.labels.end(), label) != to.labels.end()) continue;
    const bool is_number =
        !label.empty() && label.find_first_not_of("0123456789") == std::string::npos;
    const bool has_like = std::any_of(to.labels.begin(), to.labels.end(),
                                      [&](const auto& other) { return EqualNames(label, other); });
    if (is_number || has_like) return fmt::format("it takes '{}' for another label", label);
  }
  return "";
}

}  // namespace

bool IsNumber(TypeKind kind) {
  return kind == TypeKind::kInteger || kind == TypeKind::kDecimal || kind == TypeKind::kFloat;
}

bool HasDigitsFor(int bits, const LogicalType& number) {
  const bool is_single = bits == 32;
  if (number.kind == TypeKind::kFloat) return number.bits <= bits;
  if (number.kind == TypeKind::kDecimal) return number.precision <= (is_single ? 6 : 15);
  return number.bits <= (is_single ? 24 : 53);
}

std::string LossOf(const ColumnSchema& from, const ColumnSchema& to) {
  const LogicalType& a = from.type;
  const LogicalType& b = to.type;
  if (a.kind == TypeKind::kUnknown || b.kind == TypeKind::kUnknown) return "";  // nobody can say
  switch (b.kind) {
    case TypeKind::kInteger:
    case TypeKind::kDecimal:
    case TypeKind::kFloat:
      return LossInNumber(from, to);
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kDatetime:
    case TypeKind::kTimestamp:
      return LossInTime(a, b);
    case TypeKind::kEnum:
    case TypeKind::kSet:
      return LossInLabels(a, b);
    case TypeKind::kChar: {
      const bool has_blanks = a.kind == TypeKind::kVarchar || a.kind == TypeKind::kText ||
                              a.is_bytes() || a.kind == TypeKind::kJson;
      return has_blanks ? "it cuts blanks at the end" : "";
    }
    case TypeKind::kBinary:
      return a.kind == TypeKind::kBinary && a.length >= b.length ? "" : "it appends zero bytes";
    case TypeKind::kVarchar:
    case TypeKind::kText:
    case TypeKind::kVarbinary:
    case TypeKind::kBlob:
      return "";  // the cell as it is
    case TypeKind::kJson:
      return a.kind == TypeKind::kJson || a.is_text() ? "" : kOtherKind;
    default:
      return a.kind == b.kind ? "" : kOtherKind;
  }
}

std::vector<LossyColumn> FindLossyColumns(const TableSchema& source, const TableSchema& destination,
                                          const TableMapping& mapping) {
  std::vector<LossyColumn> out;
  for (const ColumnSchema& from : source.columns) {
    if (!mapping.Carries(from.name)) continue;
    const int ordinal = destination.FindColumn(mapping.NameOf(from.name));
    if (ordinal < 0) continue;
    const ColumnSchema& to = destination.columns[static_cast<size_t>(ordinal)];
    if (to.is_generated()) continue;
    std::string loss = LossOf(from, to);
    if (!loss.empty()) out.push_back({to.name, std::move(loss)});
  }
  return out;
}

}  // namespace godwit
