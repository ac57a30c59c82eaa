// SPDX-License-Identifier: Apache-2.0
#include "model/logical_type.h"

#include <charconv>
#include <cmath>

#include "model/json_normal_form.h"

namespace godwit {
namespace {

std::string_view WithoutTrailingBlanks(std::string_view text) {
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

template <typename Float>
void AppendShortest(std::string& out, Float value) {
  if (std::isnan(value)) {
    out += "nan";  // one text for every NaN, whatever its sign and payload
    return;
  }
  char buffer[64];
  auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  out.append(buffer, end);
}

}  // namespace

std::string_view ToString(TypeKind kind) {
  switch (kind) {
    case TypeKind::kInteger:
      return "integer";
    case TypeKind::kDecimal:
      return "decimal";
    case TypeKind::kFloat:
      return "float";
    case TypeKind::kBit:
      return "bit";
    case TypeKind::kChar:
      return "char";
    case TypeKind::kVarchar:
      return "varchar";
    case TypeKind::kText:
      return "text";
    case TypeKind::kBinary:
      return "binary";
    case TypeKind::kVarbinary:
      return "varbinary";
    case TypeKind::kBlob:
      return "blob";
    case TypeKind::kDate:
      return "date";
    case TypeKind::kTime:
      return "time";
    case TypeKind::kDatetime:
      return "datetime";
    case TypeKind::kTimestamp:
      return "timestamp";
    case TypeKind::kInterval:
      return "interval";
    case TypeKind::kJson:
      return "json";
    case TypeKind::kEnum:
      return "enum";
    case TypeKind::kSet:
      return "set";
    case TypeKind::kGeometry:
      return "geometry";
    case TypeKind::kRowId:
      return "rowid";
    case TypeKind::kUnknown:
      return "unknown";
  }
  return "unknown";
}

std::string NormalForm(const LogicalType& type, std::string_view cell) {
  if (type.kind == TypeKind::kJson) {
    if (auto normal = JsonNormalForm(cell)) return std::move(*normal);
  }
  if (type.kind == TypeKind::kChar) cell = WithoutTrailingBlanks(cell);
  return std::string(cell);
}

bool Equal(const LogicalType& type, std::string_view a, std::string_view b) {
  if (a == b) return true;
  if (type.kind == TypeKind::kChar) return WithoutTrailingBlanks(a) == WithoutTrailingBlanks(b);
  if (type.kind == TypeKind::kJson) return NormalForm(type, a) == NormalForm(type, b);
  return false;
}

void AppendFloat(std::string& out, float value) { AppendShortest(out, value); }
void AppendDouble(std::string& out, double value) { AppendShortest(out, value); }

}  // namespace godwit
