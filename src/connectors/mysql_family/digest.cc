// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/digest.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/error.h"
#include "connectors/mysql_family/cell_sql.h"

namespace godwit::mysql {
namespace {

bool IsUtf8(std::string_view charset) { return charset.starts_with("utf8") || charset == "ascii"; }

bool Converts(const ColumnSchema& column) {
  return !column.charset.empty() && !IsUtf8(column.charset);
}

// Whether there are bytes in the set that no character of Unicode stands for. MySQL's latin1 has
// one for each byte.
bool HasHoles(const ColumnSchema& column) { return Converts(column) && column.charset != "latin1"; }

// A text without a length, or one that needs it.
struct CellText {
  std::string expression;
  bool needs_length = false;
};

// kPlain: for what proves nothing, and is quicker to make of text with holes.
enum class TextForm { kExact, kPlain };

// Servers convert bytes without a character to a question mark, which is a text of its own: what
// does not come back from Unicode as it was is told from all texts by a letter that is no length.
std::string TextWithLength(const ColumnSchema& column, const std::string& utf8, TextForm form) {
  const std::string text = fmt::format("CONCAT(LENGTH({0}),':',{0})", utf8);
  if (form == TextForm::kPlain || !HasHoles(column)) return text;
  return fmt::format(
      "IF(CAST(CONVERT({0} USING {1}) AS BINARY)=CAST({2} AS BINARY),{3},CONCAT('U',HEX({2})))",
      utf8, column.charset, Session::Quote(column.name), text);
}

// Servers write the same digits of a floating-point number, but not the same form: small ones with
// an exponent or without, and of a FLOAT only six digits. What they agree upon is the text of a
// DOUBLE outside of that span, and everywhere else the binary exponent and the mantissa as a whole
// number, both of which are exact.
std::string FloatText(const std::string& name, int bits) {
  const std::string exponent = fmt::format("FLOOR(LOG2(ABS({})))", name);
  const std::string exact = fmt::format("CONCAT(CAST({0} AS SIGNED),'p',{1}*POW(2,{2}-{0}))",
                                        exponent, name, bits == 32 ? 23 : 52);
  if (bits == 32) return fmt::format("IF({0}=0,CONCAT({0}),{1})", name, exact);
  return fmt::format("IF(ABS({0})<1e-3 AND ABS({0})>1e-290,{1},CONCAT({0}))", name, exact);
}

CellText TextOf(const ColumnSchema& column, TextForm form) {
  const std::string name = Session::Quote(column.name);
  const std::string utf8 = Converts(column) ? fmt::format("CONVERT({} USING utf8mb4)", name) : name;
  switch (column.type.kind) {
    case TypeKind::kInteger:
    case TypeKind::kDecimal:
      return {NumberExpression(column), false};
    case TypeKind::kFloat:
      return {FloatText(name, column.type.bits), false};
    case TypeKind::kBit:
      return {fmt::format("HEX({})", name), false};
    case TypeKind::kEnum:  // 'E' is no length: the error value is told from the label ''
      return {fmt::format("IF({}=0,'E',{})", name, TextWithLength(column, utf8, form)), false};
    case TypeKind::kChar:
    case TypeKind::kVarchar:
    case TypeKind::kText:
    case TypeKind::kSet:
      if (form == TextForm::kPlain || !HasHoles(column)) return {utf8, true};
      return {TextWithLength(column, utf8, form), false};
    case TypeKind::kBinary:
    case TypeKind::kVarbinary:
    case TypeKind::kBlob:
      // No text function of MySQL takes a vector as it is.
      if (column.native_type.starts_with("vector")) {
        return {fmt::format("CAST({} AS BINARY)", name), true};
      }
      return {name, true};
    default:
      return {name, false};
  }
}

// In bytes of UTF-8.
uint64_t LongestCell(const ColumnSchema& column) {
  const LogicalType& type = column.type;
  switch (type.kind) {
    case TypeKind::kChar:
    case TypeKind::kVarchar:
      return type.length * 4;
    case TypeKind::kText:  // a byte of another set is three of UTF-8 at most
      return type.length * (Converts(column) ? 3 : 1);
    case TypeKind::kBinary:
    case TypeKind::kVarbinary:
    case TypeKind::kBlob:
      return type.length;
    case TypeKind::kEnum:
    case TypeKind::kSet: {
      uint64_t bytes = 0;
      for (const std::string& label : type.labels) bytes += label.size() + 1;
      return bytes;
    }
    default:
      return 100;
  }
}

// Sums are DECIMAL and may be longer than 64 bits.
uint64_t Modulo64(const std::optional<std::string>& digits) {
  uint64_t value = 0;
  if (!digits) return 0;
  for (char c : *digits) {
    if (c < '0' || c > '9') break;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

// The expression of a cell within a row's text.
std::string CellOf(const ColumnSchema& column, TextForm form) {
  const CellText text = TextOf(column, form);
  std::string cell = text.expression;
  if (text.needs_length) cell = fmt::format("LENGTH({0}),':',{0}", text.expression);
  if (!column.nullable) return cell;
  // The text of a value must not depend on whether the column takes NULL.
  return fmt::format(fmt::runtime(text.needs_length ? "IFNULL(CONCAT({}),'N')" : "IFNULL({},'N')"),
                     cell);
}

// The expression of the text of these columns.
std::string RowText(const ScanPlan& plan, const std::vector<int>& ordinals, TextForm form) {
  std::string out = "CONCAT(";
  for (int ordinal : ordinals) out += CellOf(plan.table->columns[ordinal], form) + ",',',";
  out.back() = ')';
  return out;
}

// The factor of a row in the quick sum: of its key's text, less the last comma. Never 0, or the row
// would not count.
std::string Weight(const ScanPlan& plan) {
  GODWIT_CHECK(!plan.key.empty(), "the quick sum tells rows apart by their key");
  std::string cells;
  for (int ordinal : plan.key) {
    if (!cells.empty()) cells += ",',',";
    cells += CellOf(plan.table->columns[ordinal], TextForm::kExact);
  }
  const bool is_number =
      plan.key.size() == 1 && plan.table->columns[plan.key[0]].type.kind == TypeKind::kInteger;
  return fmt::format(fmt::runtime(is_number ? "(CRC32({})+1)" : "(CRC32(CONCAT({}))+1)"), cells);
}

}  // namespace

bool CanDigest(const ScanPlan& plan, const ServerInfo& server) {
  uint64_t longest = 0;
  for (int ordinal : plan.columns) {
    const ColumnSchema& column = plan.table->columns[ordinal];
    switch (column.type.kind) {
      case TypeKind::kFloat:
        // One with a number of digits is written with so many, on one side perhaps only.
        if (column.native_type.find('(') != std::string::npos) return false;
        longest += LongestCell(column) + 12;
        break;
      case TypeKind::kJson:
      case TypeKind::kGeometry:
      case TypeKind::kInterval:
      case TypeKind::kRowId:
      case TypeKind::kUnknown:
        return false;
      default:
        longest += LongestCell(column) * (HasHoles(column) ? 2 : 1) + 12;  // in hexadecimal
    }
  }
  // CONCAT of more than max_allowed_packet is NULL, which no sum would count.
  return longest < server.max_allowed_packet;
}

std::string DigestStatement(const ScanPlan& plan, const DigestQuery& query) {
  const std::string text = RowText(plan, plan.columns, TextForm::kExact);
  std::string value;
  if (query.strength == DigestStrength::kCertain) {
    value = fmt::format("CAST(CONV(LEFT(SHA2({},256),16),16,10) AS UNSIGNED)", text);
  } else {
    value = fmt::format("CRC32({})*{}", text, Weight(plan));
  }
  if (query.buckets == 0) return fmt::format("SELECT COUNT(*),SUM({}){}", value, query.from);
  return fmt::format("SELECT {} AS godwit_bucket,COUNT(*),SUM({}){} GROUP BY godwit_bucket",
                     BucketExpression(plan, query.buckets), value, query.from);
}

std::string BucketExpression(const ScanPlan& plan, uint32_t buckets) {
  const std::vector<int>& columns = plan.key.empty() ? plan.columns : plan.key;
  return fmt::format("CRC32({}) % {}", RowText(plan, columns, TextForm::kPlain), buckets);
}

Digest ParseDigest(const Row& row, size_t at) {
  Digest digest;
  digest.rows = Modulo64(row[at]);
  digest.sum = Modulo64(row[at + 1]);
  return digest;
}

}  // namespace godwit::mysql
