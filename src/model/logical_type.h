// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace godwit {

enum class TypeKind {
  kInteger,    // bits, is_unsigned; years and booleans too
  kDecimal,    // precision, scale
  kFloat,      // bits 32 or 64
  kBit,        // length = number of bits
  kChar,       // length characters, blank padded where the server says so
  kVarchar,    // length characters
  kText,       // length = limit in bytes
  kBinary,     // length bytes, zero padded to it
  kVarbinary,  // length bytes
  kBlob,       // length = limit in bytes
  kDate,
  kTime,       // fsp
  kDatetime,   // fsp
  kTimestamp,  // fsp; an instant, cells in UTC
  kInterval,
  kJson,
  kEnum,  // labels
  kSet,   // labels
  kGeometry,
  kRowId,
  kUnknown,  // a type no code here knows: refused by precheck
};

std::string_view ToString(TypeKind kind);

// A column's meaning, independent of any database. Immutable value.
//
// Canonical cells, the same from rows, log and comparison:
//   integer    ASCII digits with sign, no leading zeros
//   decimal    digits with exactly `scale` decimals ("-0.50"), no zero fill, no "-0"
//   float      shortest text that reads back to the same bits (std::to_chars of float or double)
//   bit        big-endian bytes, (length + 7) / 8 of them
//   char…text  UTF-8; char without trailing blanks
//   binary…    raw bytes; kBinary padded with zero bytes to its length
//   date       YYYY-MM-DD, zero date 0000-00-00
//   time       [-]hh:mm:ss[.f], hours beyond 24 and up to 838, exactly fsp decimals
//   datetime   YYYY-MM-DD hh:mm:ss[.f], exactly fsp decimals; timestamp the same in UTC
//   json       text; equality by NormalForm (sorted keys)
//   enum       the label; index 0 (the error value) is the single byte 0x00
//   set        labels joined by ',' in declaration order
//   geometry   4 bytes little-endian SRID, then WKB
struct LogicalType {
  TypeKind kind = TypeKind::kUnknown;
  int bits = 0;
  bool is_unsigned = false;
  int precision = 0;
  int scale = 0;
  int fsp = 0;
  uint64_t length = 0;
  std::vector<std::string> labels;

  bool is_text() const {
    return kind == TypeKind::kChar || kind == TypeKind::kVarchar || kind == TypeKind::kText;
  }
  bool is_bytes() const {
    return kind == TypeKind::kBinary || kind == TypeKind::kVarbinary || kind == TypeKind::kBlob;
  }
  bool operator==(const LogicalType&) const = default;
};

// The text that is byte-equal for two cells of this type exactly when they are equal: JSON with
// sorted keys and without blanks, CHAR without trailing blanks, everything else itself. A JSON
// text that does not parse is its own normal form.
std::string NormalForm(const LogicalType& type, std::string_view cell);

bool Equal(const LogicalType& type, std::string_view a, std::string_view b);

// Appends the canonical text of a binary float.
void AppendFloat(std::string& out, float value);
void AppendDouble(std::string& out, double value);

}  // namespace godwit
