// SPDX-License-Identifier: Apache-2.0
#include "pipeline/normal_cell.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "pipeline/table_plan_losses.h"

namespace godwit {
namespace {

bool IsMoment(TypeKind kind) {
  return kind == TypeKind::kDate || kind == TypeKind::kTime || kind == TypeKind::kDatetime ||
         kind == TypeKind::kTimestamp;
}

NormalCell OfNumbers(const LogicalType& a, const LogicalType& b) {
  if (a.kind == TypeKind::kFloat && b.kind == TypeKind::kFloat) {
    return a.bits == b.bits ? NormalCell::kBytes : NormalCell::kDouble;
  }
  if (b.kind == TypeKind::kFloat) return OfNumbers(b, a);
  if (a.kind == TypeKind::kFloat) {
    return HasDigitsFor(a.bits, b) ? NormalCell::kDouble : NormalCell::kBytes;
  }
  const bool is_same = a.kind == b.kind && (a.kind == TypeKind::kInteger || a.scale == b.scale);
  return is_same ? NormalCell::kBytes : NormalCell::kDecimal;
}

std::string Decimal(std::string_view cell) {
  if (cell.find('.') != std::string_view::npos) {
    cell = cell.substr(0, cell.find_last_not_of('0') + 1);
    if (cell.ends_with('.')) cell.remove_suffix(1);
  }
  return std::string(cell == "-0" ? "0" : cell);
}

std::string Double(std::string_view cell) {
  double value = 0;
  auto [end, problem] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (problem != std::errc() || end != cell.data() + cell.size()) return std::string(cell);
  std::string out;
  AppendDouble(out, value);
  return out;
}

std::string Moment(std::string_view cell) {
  constexpr size_t kDecimals = 6;
  std::string out(cell);
  const bool is_date = cell.size() == 10 && cell[4] == '-';
  if (is_date) out += " 00:00:00";
  size_t point = out.find('.');
  if (point == std::string::npos) {
    point = out.size();
    out.push_back('.');
  }
  out.resize(std::max(out.size(), point + 1 + kDecimals), '0');
  return out;
}

std::string Set(std::string_view cell) {
  std::vector<std::string_view> labels;
  for (size_t begin = 0; begin <= cell.size();) {
    const size_t end = std::min(cell.find(',', begin), cell.size());
    labels.push_back(cell.substr(begin, end - begin));
    begin = end + 1;
  }
  std::sort(labels.begin(), labels.end());
  std::string out;
  for (std::string_view label : labels) {
    if (!out.empty()) out.push_back(',');
    out += label;
  }
  return out;
}

}  // namespace

NormalCell NormalCellOf(const LogicalType& a, const LogicalType& b) {
  if (a.kind == TypeKind::kJson || b.kind == TypeKind::kJson) return NormalCell::kJson;
  if (a.kind == TypeKind::kChar && b.kind == TypeKind::kChar) return NormalCell::kChar;
  if (IsNumber(a.kind) && IsNumber(b.kind)) return OfNumbers(a, b);
  if (IsMoment(a.kind) && IsMoment(b.kind)) {
    const bool is_one_date = (a.kind == TypeKind::kDate) != (b.kind == TypeKind::kDate);
    return is_one_date || a.fsp != b.fsp ? NormalCell::kMoment : NormalCell::kBytes;
  }
  if (a.kind != b.kind) return NormalCell::kBytes;
  if (a.kind == TypeKind::kBit && a.length != b.length) return NormalCell::kBit;
  if (a.kind == TypeKind::kSet && a.labels != b.labels) return NormalCell::kSet;
  return NormalCell::kBytes;
}

std::string Normalized(NormalCell form, std::string_view cell) {
  switch (form) {
    case NormalCell::kBytes:
      return std::string(cell);
    case NormalCell::kJson:
      return NormalForm({.kind = TypeKind::kJson}, cell);
    case NormalCell::kChar:
      return NormalForm({.kind = TypeKind::kChar}, cell);
    case NormalCell::kDecimal:
      return Decimal(cell);
    case NormalCell::kDouble:
      return Double(cell);
    case NormalCell::kMoment:
      return Moment(cell);
    case NormalCell::kBit:
      return std::string(cell.substr(std::min(cell.find_first_not_of('\0'), cell.size())));
    case NormalCell::kSet:
      return Set(cell);
  }
  return std::string(cell);
}

bool IsWrittenAlike(NormalCell form) {
  return form == NormalCell::kBytes || form == NormalCell::kJson || form == NormalCell::kChar;
}

}  // namespace godwit
