// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/digest.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/error.h"

namespace godwit::mysql {
namespace {

bool IsUtf8(std::string_view charset) { return charset.starts_with("utf8") || charset == "ascii"; }

// A text without a length, or one that needs it.
struct CellText {
  std::string expression;
  bool needs_length = false;
};

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

CellText TextOf(const ColumnSchema& column) {
  const std::string name = Session::Quote(column.name);
  const bool converts = !column.charset.empty() && !IsUtf8(column.charset);
  const std::string utf8 = converts ? fmt::format("CONVERT({} USING utf8mb4)", name) : name;
  switch (column.type.kind) {
    case TypeKind::kInteger:
    case TypeKind::kDecimal: {
      bool is_padded = column.native_type.find("zerofill") != std::string::npos ||
                       column.native_type.starts_with("year");
      return {is_padded ? name + "+0" : name, false};
    }
    case TypeKind::kFloat:
      return {FloatText(name, column.type.bits), false};
    case TypeKind::kBit:
      return {fmt::format("HEX({})", name), false};
    case TypeKind::kEnum:  // 'E' is no length: the error value is told from the label ''
      return {fmt::format("IF({0}=0,'E',CONCAT(LENGTH({1}),':',{1}))", name, utf8), false};
    case TypeKind::kChar:
    case TypeKind::kVarchar:
    case TypeKind::kText:
    case TypeKind::kSet:
      return {utf8, true};
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

uint64_t LongestCell(const LogicalType& type) {
  switch (type.kind) {
    case TypeKind::kChar:
    case TypeKind::kVarchar:
      return type.length * 4;
    case TypeKind::kText:
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
std::string CellOf(const ColumnSchema& column) {
  const CellText text = TextOf(column);
  std::string cell = text.expression;
  if (text.needs_length) cell = fmt::format("LENGTH({0}),':',{0}", text.expression);
  if (!column.nullable) return cell;
  // The text of a value must not depend on whether the column takes NULL.
  const char* form = text.needs_length ? "IFNULL(CONCAT({}),'N')" : "IFNULL({},'N')";
  return fmt::format(fmt::runtime(form), cell);
}

// The expression of the text of these columns.
std::string RowText(const ScanPlan& plan, const std::vector<int>& ordinals) {
  std::string out = "CONCAT(";
  for (int ordinal : ordinals) out += CellOf(plan.table->columns[ordinal]) + ",',',";
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
    cells += CellOf(plan.table->columns[ordinal]);
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
        longest += LongestCell(column.type) + 12;
        break;
      case TypeKind::kJson:
      case TypeKind::kGeometry:
      case TypeKind::kInterval:
      case TypeKind::kRowId:
      case TypeKind::kUnknown:
        return false;
      default:
        longest += LongestCell(column.type) + 12;
    }
  }
  // CONCAT of more than max_allowed_packet is NULL, which no sum would count.
  return longest < server.max_allowed_packet;
}

std::string DigestStatement(const ScanPlan& plan, const DigestQuery& query) {
  const std::string text = RowText(plan, plan.columns);
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
  return fmt::format("CRC32({}) % {}", RowText(plan, plan.key.empty() ? plan.columns : plan.key),
                     buckets);
}

Digest ParseDigest(const Row& row, size_t at) {
  Digest digest;
  digest.rows = Modulo64(row[at]);
  digest.sum = Modulo64(row[at + 1]);
  return digest;
}

}  // namespace godwit::mysql
