// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "connectors/mysql_family/session.h"
#include "model/table_schema.h"

namespace godwit::mysql {

// How the cells of a column are written into statements and come back over the wire.
enum class CellForm : uint8_t {
  kNumber,  // integers and decimals: the digits
  kFloat,
  kDouble,
  kText,   // text, dates, times, sets
  kBytes,  // binary strings, geometry in the server's own form (SRID + WKB)
  kBit,
  kEnum,
  kJson,  // of the server's own type
};

CellForm FormOf(const LogicalType& type);
// The form in which a column takes its literals. A FLOAT(M,D) is rounded to its digits anyway;
// those of its value as a double may be above its largest: 9999.999 in FLOAT(7,3) is
// 9999.9990234375. JSON is a text where the column is one.
CellForm LiteralFormOf(const ColumnSchema& column);

// The canonical byte of an enum's error value, index 0.
bool IsEnumError(CellForm form, std::string_view cell);

// The literal that stores an enum's error value; strict mode refuses it.
inline constexpr std::string_view kEnumErrorLiteral = "0/*enum error*/";

// Appends the literal that stores this cell.
void AppendLiteral(std::string& out, CellForm form, std::string_view cell);

// Appends a literal to compare a key column with, such that the index is used and the order is the
// index's: enums and sets are compared by number.
void AppendKeyLiteral(std::string& out, const LogicalType& type, std::string_view cell);

// What such a literal is compared with where rows are read: the column itself, by its index, but
// where a server compares otherwise than its index orders, and rows would be in no chunk. MySQL and
// MariaDB compare the number of a set as a double, and that of one with 64 labels as a negative
// one; MariaDB compares a YEAR(2) by its two digits.
std::string KeyExpression(const ColumnSchema& column);

// Appends a condition that holds exactly for this value of the column, byte by byte; `null` for
// NULL. `column` is quoted. For rows that no key identifies.
void AppendMatch(std::string& out, std::string_view column, const ColumnSchema& definition,
                 std::string_view cell);

// The SELECT list's expression under which the wire carries the canonical cell; floats come as
// doubles and are printed anew (AppendWireCell).
std::string SelectExpression(const ColumnSchema& column);

// The same of an integer or decimal: without the zeros of ZEROFILL, a YEAR in full.
std::string NumberExpression(const ColumnSchema& column);

// Appends the canonical cell to `out` from what SelectExpression brought.
void AppendWireCell(std::string& out, CellForm form, std::string_view wire);

}  // namespace godwit::mysql
