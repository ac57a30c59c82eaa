// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/byte_reader.h"
#include "connectors/mysql_family/text_decoder.h"
#include "model/logical_type.h"

namespace godwit::mysql {

// Column types as the log names them (enum_field_types).
enum class WireType : uint8_t {
  kDecimalOld = 0,
  kTiny = 1,
  kShort = 2,
  kLong = 3,
  kFloat = 4,
  kDouble = 5,
  kNull = 6,
  kTimestamp = 7,
  kLongLong = 8,
  kInt24 = 9,
  kDate = 10,
  kTime = 11,
  kDatetime = 12,
  kYear = 13,
  kNewDate = 14,
  kVarchar = 15,
  kBit = 16,
  kTimestamp2 = 17,
  kDatetime2 = 18,
  kTime2 = 19,
  kCompressedBlob = 140,  // MariaDB's columns with COMPRESSED
  kCompressedVarchar = 141,
  kVector = 242,
  kJson = 245,
  kNewDecimal = 246,
  kEnum = 247,
  kSet = 248,
  kBlob = 252,
  kVarString = 253,
  kString = 254,
  kGeometry = 255,
};

// How the cells of one column become canonical ones: made once per table map, then only run.
struct CellPlan {
  enum class Op : uint8_t {
    kSigned,
    kUnsigned,
    kYear,
    kFloat,
    kDouble,
    kDecimal,
    kBit,
    kEnum,
    kSet,
    kDate,
    kTime,
    kTime2,
    kDatetime,
    kDatetime2,
    kTimestamp,
    kTimestamp2,
    kBytes,
    kPaddedBytes,
    kText,
    kBlankText,
    kCompressed,  // text where `text` is set, else bytes
    kJson,
  };

  Op op = Op::kBytes;
  uint8_t width = 0;                  // bytes of the value, or of its length
  uint8_t digits = 0;                 // decimal: precision
  uint8_t scale = 0;                  // decimal: scale; times: fsp
  const LogicalType* type = nullptr;  // for labels and lengths
  TextDecoder* text = nullptr;

  // False when a column of this wire type cannot be one of this logical type.
  static bool Make(WireType wire, uint16_t meta, const LogicalType& type, CellPlan& plan);
};

// Reads one value and appends its canonical cell.
void AppendCell(const CellPlan& plan, ByteReader& in, std::string& out);

// The packed forms that binary JSON uses too.
void AppendDecimal(std::string& out, ByteReader& in, int precision, int scale);
void AppendPackedTime(std::string& out, int64_t packed, int fsp);
void AppendPackedDatetime(std::string& out, int64_t packed, int fsp);
void AppendPackedDate(std::string& out, int64_t packed);

}  // namespace godwit::mysql
