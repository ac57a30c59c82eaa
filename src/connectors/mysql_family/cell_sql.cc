// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/cell_sql.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/hex.h"
#include "connectors/mysql_family/json_sql.h"
#include "connectors/mysql_family/text_decoder.h"
#include "model/logical_type.h"

namespace godwit::mysql {
namespace {

bool IsPlainNumber(std::string_view cell) {
  if (cell.empty()) return false;
  return std::all_of(cell.begin(), cell.end(), [](char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
  });
}

void AppendQuoted(std::string& out, std::string_view prefix, std::string_view cell) {
  out += prefix;
  out += '\'';
  Session::AppendEscaped(out, cell);
  out += '\'';
}

double ParseDouble(std::string_view text) {
  double value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) {
    throw Error({.code = "VALUE_UNREADABLE",
                 .kind = ErrorKind::kData,
                 .message = fmt::format("'{}' is no floating-point number", text),
                 .cause = "the server sent something else than a number",
                 .remedy = "correct the value at the source, or exclude the column"});
  }
  return value;
}

// A FLOAT's text read as DOUBLE and then narrowed can be rounded twice; the digits of its exact
// value as a double cannot. Without an exponent the server would take the digits for a DECIMAL.
void AppendFloating(std::string& out, CellForm form, std::string_view cell) {
  const size_t from = out.size();
  if (form == CellForm::kFloat) {
    float value = 0;
    auto [end, problem] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (problem != std::errc() || end != cell.data() + cell.size())
      return AppendQuoted(out, "", cell);
    AppendDouble(out, value);
  } else {
    if (!IsPlainNumber(cell)) return AppendQuoted(out, "", cell);
    out += cell;
  }
  if (out.find('e', from) == std::string::npos) out += "e0";
}

uint64_t SetBits(const LogicalType& type, std::string_view cell) {
  uint64_t bits = 0;
  while (!cell.empty()) {
    size_t comma = std::min(cell.find(','), cell.size());
    auto label = std::find(type.labels.begin(), type.labels.end(), cell.substr(0, comma));
    if (label != type.labels.end()) bits |= uint64_t{1} << (label - type.labels.begin());
    cell.remove_prefix(std::min(comma + 1, cell.size()));
  }
  return bits;
}

// MariaDB's JSON is a text.
bool IsNativeJson(const ColumnSchema& column) {
  return column.type.kind == TypeKind::kJson && column.native_type == "json";
}

[[noreturn]] void RefuseUndecodable(std::string_view cell) {
  const size_t at = cell.find(kUndecodable);
  std::string bytes;
  for (size_t i = at; i + 1 < cell.size() && cell[i] == kUndecodable; i += 2) bytes += cell[i + 1];
  throw Error(
      {.code = "TEXT_UNDECODABLE",
       .kind = ErrorKind::kData,
       .side = Side::kSource,
       .message = fmt::format("a text has the bytes 0x{} at {}", ToHex(bytes), at),
       .cause = "its character set does not define them",
       .remedy = "skip the row; correct the value at the source, then compare and correct"});
}

}  // namespace

CellForm FormOf(const LogicalType& type) {
  switch (type.kind) {
    case TypeKind::kInteger:
    case TypeKind::kDecimal:
      return CellForm::kNumber;
    case TypeKind::kFloat:
      return type.bits == 32 ? CellForm::kFloat : CellForm::kDouble;
    case TypeKind::kBit:
      return CellForm::kBit;
    case TypeKind::kBinary:
    case TypeKind::kVarbinary:
    case TypeKind::kBlob:
    case TypeKind::kGeometry:
      return CellForm::kBytes;
    case TypeKind::kEnum:
      return CellForm::kEnum;
    case TypeKind::kJson:
      return CellForm::kJson;
    default:
      return CellForm::kText;
  }
}

CellForm LiteralFormOf(const ColumnSchema& column) {
  const CellForm form = FormOf(column.type);
  const bool has_digits = column.native_type.find('(') != std::string::npos;
  if (form == CellForm::kFloat && has_digits) return CellForm::kDouble;
  return form == CellForm::kJson && !IsNativeJson(column) ? CellForm::kText : form;
}

bool IsEnumError(CellForm form, std::string_view cell) {
  return form == CellForm::kEnum && cell.size() == 1 && cell[0] == '\0';
}

void AppendLiteral(std::string& out, CellForm form, std::string_view cell) {
  switch (form) {
    case CellForm::kNumber:
      if (IsPlainNumber(cell)) {
        out += cell;
      } else {
        AppendQuoted(out, "", cell);
      }
      return;
    case CellForm::kFloat:
    case CellForm::kDouble:
      return AppendFloating(out, form, cell);
    case CellForm::kBytes:
    case CellForm::kBit:
      return AppendQuoted(out, "_binary", cell);
    case CellForm::kEnum:
      if (IsEnumError(form, cell)) {
        out += kEnumErrorLiteral;
        return;
      }
      return AppendQuoted(out, "", cell);
    case CellForm::kText:
      if (cell.find(kUndecodable) != std::string_view::npos) RefuseUndecodable(cell);
      return AppendQuoted(out, "", cell);
    case CellForm::kJson:
      return IsExactAsText(cell) ? AppendQuoted(out, "", cell) : AppendJsonExpression(out, cell);
  }
}

void AppendKeyLiteral(std::string& out, const LogicalType& type, std::string_view cell) {
  if (type.kind == TypeKind::kEnum) {
    auto label = std::find(type.labels.begin(), type.labels.end(), cell);
    out += std::to_string(label == type.labels.end() ? 0 : label - type.labels.begin() + 1);
  } else if (type.kind == TypeKind::kSet) {
    out += std::to_string(SetBits(type, cell));
  } else if (type.kind == TypeKind::kBit) {
    uint64_t value = 0;
    for (char c : cell) value = value << 8 | static_cast<uint8_t>(c);
    out += std::to_string(value);
  } else {
    AppendLiteral(out, FormOf(type), cell);
  }
}

std::string KeyExpression(const ColumnSchema& column) {
  constexpr size_t kExactBits = 53;  // of a double
  const std::string name = Session::Quote(column.name);
  if (column.native_type.starts_with("year(2)")) return NumberExpression(column);
  const bool is_inexact =
      column.type.kind == TypeKind::kSet && column.type.labels.size() > kExactBits;
  return is_inexact ? fmt::format("CAST({} AS UNSIGNED)", name) : name;
}

void AppendMatch(std::string& out, std::string_view column, const ColumnSchema& definition,
                 std::string_view cell) {
  const LogicalType& type = definition.type;
  if (IsNativeJson(definition)) {
    // As text, for as documents 1 equals 1.0. (Not both: seekdb 1.4.0 takes the one for the other.)
    out += fmt::format("CAST(CAST({} AS CHAR) AS BINARY)=CAST(CAST(", column);
    AppendJsonExpression(out, cell);
    out += " AS CHAR) AS BINARY)";
  } else if (type.is_text() || type.kind == TypeKind::kJson || type.kind == TypeKind::kSet) {
    out += fmt::format("CAST(CONVERT({} USING utf8mb4) AS BINARY)=", column);
    AppendQuoted(out, "_binary", cell);
  } else if (type.kind == TypeKind::kGeometry) {
    out += fmt::format("HEX({})='", column);
    for (char c : cell) out += fmt::format("{:02X}", static_cast<uint8_t>(c));
    out += '\'';
  } else if (definition.native_type.starts_with("vector")) {  // it compares with nothing
    out += fmt::format("CAST({} AS BINARY)=", column);
    AppendLiteral(out, FormOf(type), cell);
  } else if (type.kind == TypeKind::kFloat) {
    out += column;
    out += "+0e0=";
    AppendLiteral(out, FormOf(type), cell);
    if (ParseDouble(cell) == 0) {  // -0 equals 0
      out +=
          fmt::format(" AND CONCAT({}){} LIKE '-%'", column, cell.starts_with('-') ? "" : " NOT");
    }
  } else {
    out += column;
    out += '=';
    AppendKeyLiteral(out, type, cell);
  }
}

std::string NumberExpression(const ColumnSchema& column) {
  const std::string name = Session::Quote(column.name);
  const std::string& type = column.native_type;
  if (type.starts_with("year(2)")) return fmt::format("IF({0}+0<70,2000,1900)+{0}", name);
  const bool is_padded = type.starts_with("year") || type.find("zerofill") != std::string::npos;
  return is_padded ? name + "+0" : name;
}

std::string SelectExpression(const ColumnSchema& column) {
  const std::string name = Session::Quote(column.name);
  switch (column.type.kind) {
    case TypeKind::kFloat:
      return name + "*1e0";  // by an addition -0 would become 0
    case TypeKind::kInteger:
    case TypeKind::kDecimal:
      return NumberExpression(column);
    case TypeKind::kEnum:
      return fmt::format("IF({0}=0,_utf8mb4 0x00,CONVERT({0} USING utf8mb4))", name);
    default:
      return name;
  }
}

void AppendWireCell(std::string& out, CellForm form, std::string_view wire) {
  if (form == CellForm::kFloat) {
    AppendFloat(out, static_cast<float>(ParseDouble(wire)));
  } else if (form == CellForm::kDouble) {
    AppendDouble(out, ParseDouble(wire));
  } else {
    out += wire;
  }
}

}  // namespace godwit::mysql
