// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/implicit_value.h"

namespace godwit::mysql {
namespace {

std::string WithZeros(std::string text, int decimals) {
  if (decimals > 0) text += "." + std::string(static_cast<size_t>(decimals), '0');
  return text;
}

}  // namespace

std::optional<std::string> ImplicitValue(const LogicalType& type) {
  switch (type.kind) {
    case TypeKind::kInteger:
    case TypeKind::kFloat:
      return "0";
    case TypeKind::kDecimal:
      return WithZeros("0", type.scale);
    case TypeKind::kBit:
      return std::string((type.length + 7) / 8, '\0');
    case TypeKind::kChar:
    case TypeKind::kVarchar:
    case TypeKind::kText:
    case TypeKind::kVarbinary:
    case TypeKind::kBlob:
    case TypeKind::kSet:
      return "";
    case TypeKind::kBinary:
      return std::string(type.length, '\0');
    case TypeKind::kDate:
      return "0000-00-00";
    case TypeKind::kTime:
      return WithZeros("00:00:00", type.fsp);
    case TypeKind::kDatetime:
    case TypeKind::kTimestamp:
      return WithZeros("0000-00-00 00:00:00", type.fsp);
    case TypeKind::kEnum:
      if (type.labels.empty()) return {};
      return type.labels[0];
    case TypeKind::kJson:
      return "null";
    default:
      return {};
  }
}

}  // namespace godwit::mysql
