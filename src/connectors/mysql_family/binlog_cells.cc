// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/binlog_cells.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>

#include "base/error.h"
#include "connectors/mysql_family/binlog_event.h"
#include "connectors/mysql_family/json_binary.h"

namespace godwit::mysql {
namespace {

[[noreturn]] void BadValue(std::string_view what) {
  throw Error({.code = "CORRUPT_BYTES",
               .kind = ErrorKind::kBlocked,
               .side = Side::kSource,
               .message = fmt::format("a row in the binary log has {}", what),
               .cause = "the log is damaged, or the table's definition is not the one in force",
               .remedy = "check the log with mysqlbinlog; release the project, empty its tables at "
                         "the destination, and migrate again"});
}

template <typename T>
void AppendNumber(std::string& out, T value) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr);
}

void AppendPadded(std::string& out, uint32_t value, int width) {
  char buffer[10];
  for (int i = width - 1; i >= 0; --i) {
    buffer[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  out.append(buffer, static_cast<size_t>(width));
}

void AppendFraction(std::string& out, uint32_t micros, int fsp) {
  if (fsp == 0) return;
  constexpr std::array<uint32_t, 7> kDivisor = {1000000, 100000, 10000, 1000, 100, 10, 1};
  out.push_back('.');
  AppendPadded(out, micros / kDivisor[fsp], fsp);
}

// Of any value: the least one has no positive counterpart.
uint64_t Magnitude(int64_t value) {
  return value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
}

void Put2(char* to, uint32_t value) {
  to[0] = static_cast<char>('0' + value / 10 % 10);
  to[1] = static_cast<char>('0' + value % 10);
}

void AppendDate(std::string& out, uint32_t year, uint32_t month, uint32_t day) {
  char text[10] = {0, 0, 0, 0, '-', 0, 0, '-', 0, 0};
  Put2(text, year / 100);
  Put2(text + 2, year % 100);
  Put2(text + 5, month);
  Put2(text + 8, day);
  out.append(text, sizeof(text));
}

void AppendClock(std::string& out, uint32_t hour, uint32_t minute, uint32_t second) {
  char text[9] = {static_cast<char>('0' + hour / 100 % 10), 0, 0, ':', 0, 0, ':', 0, 0};
  Put2(text + 1, hour % 100);
  Put2(text + 4, minute);
  Put2(text + 7, second);
  const size_t skipped = hour > 99 ? 0 : 1;
  out.append(text + skipped, sizeof(text) - skipped);
}

// Fractions are stored in (fsp + 1) / 2 bytes, big endian, in units of 10^-2, 10^-4 or 10^-6.
uint32_t ReadFraction(ByteReader& in, int fsp) {
  switch ((fsp + 1) / 2) {
    case 1:
      return static_cast<uint32_t>(in.UIntBigEndian(1)) * 10000;
    case 2:
      return static_cast<uint32_t>(in.UIntBigEndian(2)) * 100;
    case 3:
      return static_cast<uint32_t>(in.UIntBigEndian(3));
    default:
      return 0;
  }
}

// Whole seconds and fraction are one big-endian number with an offset, so that bytes sort like
// times; its low bytes are borrowed from when it is negative (my_time_packed_from_binary).
void AppendTime2(std::string& out, ByteReader& in, int fsp) {
  const int extra = (fsp + 1) / 2;
  int64_t value = static_cast<int64_t>(in.UIntBigEndian(static_cast<size_t>(3 + extra)));
  value -= int64_t{0x800000} << (8 * extra);
  if (value < 0) {
    out.push_back('-');
    value = -value;
  }
  uint32_t whole = static_cast<uint32_t>(value >> (8 * extra));
  uint32_t fraction = static_cast<uint32_t>(value & ((int64_t{1} << (8 * extra)) - 1));
  if (extra == 1) fraction *= 10000;
  if (extra == 2) fraction *= 100;
  AppendClock(out, (whole >> 12) & 0x3ff, (whole >> 6) & 0x3f, whole & 0x3f);
  AppendFraction(out, fraction, fsp);
}

void AppendDatetime2(std::string& out, ByteReader& in, int fsp) {
  int64_t value = static_cast<int64_t>(in.UIntBigEndian(5)) - 0x8000000000LL;
  if (value < 0) BadValue("a date before the year 0");
  uint32_t fraction = ReadFraction(in, fsp);
  AppendPackedDatetime(out, value << 24 | fraction, fsp);
}

void AppendInstant(std::string& out, uint32_t seconds, uint32_t micros, int fsp) {
  if (seconds == 0) {
    AppendDate(out, 0, 0, 0);
    out.push_back(' ');
    AppendClock(out, 0, 0, 0);
    AppendFraction(out, micros, fsp);
    return;
  }
  // Days to a civil date (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
  uint32_t z = seconds / 86400 + 719468;
  uint32_t era = z / 146097;
  uint32_t doe = z - era * 146097;
  uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  uint32_t mp = (5 * doy + 2) / 153;
  uint32_t month = mp < 10 ? mp + 3 : mp - 9;
  AppendDate(out, yoe + era * 400 + (month <= 2 ? 1 : 0), month, doy - (153 * mp + 2) / 5 + 1);
  out.push_back(' ');
  uint32_t rest = seconds % 86400;
  AppendClock(out, rest / 3600, rest / 60 % 60, rest % 60);
  AppendFraction(out, micros, fsp);
}

void AppendOldTime(std::string& out, ByteReader& in) {
  int32_t value = static_cast<int32_t>(static_cast<uint32_t>(in.UInt(3)) << 8) >> 8;
  if (value < 0) {
    out.push_back('-');
    value = -value;
  }
  uint32_t v = static_cast<uint32_t>(value);
  AppendClock(out, v / 10000, v / 100 % 100, v % 100);
}

void AppendOldDatetime(std::string& out, ByteReader& in) {
  uint64_t value = in.U64();
  uint32_t date = static_cast<uint32_t>(value / 1000000);
  uint32_t clock = static_cast<uint32_t>(value % 1000000);
  AppendDate(out, date / 10000, date / 100 % 100, date % 100);
  out.push_back(' ');
  AppendClock(out, clock / 10000, clock / 100 % 100, clock % 100);
}

void AppendEnum(std::string& out, const CellPlan& plan, uint64_t index) {
  if (index == 0) {
    out.push_back('\0');
    return;
  }
  if (index > plan.type->labels.size()) BadValue("an ENUM value beyond the column's labels");
  out.append(plan.type->labels[index - 1]);
}

void AppendSet(std::string& out, const CellPlan& plan, uint64_t bits) {
  const auto& labels = plan.type->labels;
  if (labels.size() < 64 && bits >> labels.size() != 0) {
    BadValue("a SET value beyond the column's labels");
  }
  bool is_first = true;
  for (size_t i = 0; bits != 0; ++i, bits >>= 1) {
    if ((bits & 1) == 0) continue;
    if (!is_first) out.push_back(',');
    out.append(labels[i]);
    is_first = false;
  }
}

template <typename T>
T ReadBinary(ByteReader& in) {
  T value;
  std::memcpy(&value, in.Bytes(sizeof(T)).data(), sizeof(T));
  return value;
}

int64_t ReadSigned(ByteReader& in, size_t width) {
  int shift = static_cast<int>(64 - 8 * width);
  return static_cast<int64_t>(in.UInt(width) << shift) >> shift;
}

// A byte that says how, then the value (MariaDB's field_comp.cc). An empty one has no bytes at all.
void AppendCompressed(const CellPlan& plan, std::string_view stored, std::string& out) {
  if (stored.empty()) return;
  std::string expanded;
  std::string_view value = stored.substr(1);
  if (stored[0] != 0) {
    expanded = Uncompress(stored);
    value = expanded;
  }
  if (plan.text != nullptr) return plan.text->Append(out, value);
  out.append(value);
}

void CutBlanks(std::string& out, size_t from) {
  size_t end = out.size();
  while (end > from && out[end - 1] == ' ') --end;
  out.resize(end);
}

}  // namespace

// Groups of nine digits in four bytes, the ends of both parts in as few as they need; the first bit
// is the inverted sign, and all bytes are inverted for negative numbers (decimal2bin).
void AppendDecimal(std::string& out, ByteReader& in, int precision, int scale) {
  constexpr std::array<uint8_t, 10> kBytes = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
  const int whole = precision - scale;
  if (whole < 0 || precision > 65 || scale > 38) BadValue("an impossible DECIMAL");
  const size_t size =
      static_cast<size_t>(whole / 9 * 4 + kBytes[whole % 9] + scale / 9 * 4 + kBytes[scale % 9]);
  if (size == 0) BadValue("an empty DECIMAL");
  std::array<uint8_t, 40> raw;
  std::memcpy(raw.data(), in.Bytes(size).data(), size);
  const bool is_negative = (raw[0] & 0x80) == 0;
  raw[0] ^= 0x80;
  if (is_negative) {
    for (size_t i = 0; i < size; ++i) raw[i] = static_cast<uint8_t>(~raw[i]);
  }
  std::array<char, 96> text;
  size_t length = 0;
  size_t at = 0;
  auto take = [&](int digits) {
    uint32_t value = 0;
    for (int i = 0; i < kBytes[digits]; ++i) value = value << 8 | raw[at++];
    for (int i = digits - 1; i >= 0; --i) {
      text[length + static_cast<size_t>(i)] = static_cast<char>('0' + value % 10);
      value /= 10;
    }
    if (value != 0) BadValue("an impossible DECIMAL");
    length += static_cast<size_t>(digits);
  };
  if (whole % 9 != 0) take(whole % 9);
  for (int i = 0; i < whole / 9; ++i) take(9);
  const size_t point = length;
  for (int i = 0; i < scale / 9; ++i) take(9);
  if (scale % 9 != 0) take(scale % 9);

  size_t first = 0;
  while (first < point && text[first] == '0') ++first;
  bool is_zero = true;
  for (size_t i = first; i < length; ++i) is_zero = is_zero && text[i] == '0';
  if (is_negative && !is_zero) out.push_back('-');
  if (first == point) {
    out.push_back('0');
  } else {
    out.append(text.data() + first, point - first);
  }
  if (scale > 0) {
    out.push_back('.');
    out.append(text.data() + point, length - point);
  }
}

void AppendPackedTime(std::string& out, int64_t packed, int fsp) {
  if (packed < 0) out.push_back('-');
  const uint64_t size = Magnitude(packed);
  uint32_t whole = static_cast<uint32_t>(size >> 24);
  AppendClock(out, (whole >> 12) & 0x3ff, (whole >> 6) & 0x3f, whole & 0x3f);
  AppendFraction(out, static_cast<uint32_t>(size & 0xffffff), fsp);
}

void AppendPackedDate(std::string& out, int64_t packed) {
  uint64_t days = Magnitude(packed) >> 41;
  uint64_t months = days >> 5;
  AppendDate(out, static_cast<uint32_t>(months / 13), static_cast<uint32_t>(months % 13),
             static_cast<uint32_t>(days & 31));
}

void AppendPackedDatetime(std::string& out, int64_t packed, int fsp) {
  AppendPackedDate(out, packed);
  const uint64_t size = Magnitude(packed);
  uint32_t clock = static_cast<uint32_t>(size >> 24) & 0x1ffff;
  out.push_back(' ');
  AppendClock(out, clock >> 12, (clock >> 6) & 0x3f, clock & 0x3f);
  AppendFraction(out, static_cast<uint32_t>(size & 0xffffff), fsp);
}

void AppendCell(const CellPlan& plan, ByteReader& in, std::string& out) {
  using Op = CellPlan::Op;
  switch (plan.op) {
    case Op::kSigned:
      return AppendNumber(out, ReadSigned(in, plan.width));
    case Op::kUnsigned:
      return AppendNumber(out, in.UInt(plan.width));
    case Op::kYear: {
      uint32_t year = in.U8();
      return AppendNumber(out, year == 0 ? 0 : year + 1900);
    }
    case Op::kFloat:
      return AppendFloat(out, ReadBinary<float>(in));
    case Op::kDouble:
      return AppendDouble(out, ReadBinary<double>(in));
    case Op::kDecimal:
      return AppendDecimal(out, in, plan.digits, plan.scale);
    case Op::kBit:
      out.append(in.Bytes(plan.width));
      return;
    case Op::kEnum:
      return AppendEnum(out, plan, in.UInt(plan.width));
    case Op::kSet:
      return AppendSet(out, plan, in.UInt(plan.width));
    case Op::kDate: {
      uint32_t v = static_cast<uint32_t>(in.UInt(3));
      return AppendDate(out, v >> 9, (v >> 5) & 15, v & 31);
    }
    case Op::kTime:
      return AppendOldTime(out, in);
    case Op::kTime2:
      return AppendTime2(out, in, plan.scale);
    case Op::kDatetime:
      return AppendOldDatetime(out, in);
    case Op::kDatetime2:
      return AppendDatetime2(out, in, plan.scale);
    case Op::kTimestamp:
      return AppendInstant(out, in.U32(), 0, 0);
    case Op::kTimestamp2: {
      uint32_t seconds = static_cast<uint32_t>(in.UIntBigEndian(4));
      uint32_t micros = ReadFraction(in, plan.scale);
      return AppendInstant(out, seconds, micros, plan.scale);
    }
    case Op::kBytes:
      out.append(in.Bytes(in.UInt(plan.width)));
      return;
    case Op::kPaddedBytes: {
      std::string_view bytes = in.Bytes(in.UInt(plan.width));
      out.append(bytes);
      if (bytes.size() < plan.type->length) out.append(plan.type->length - bytes.size(), '\0');
      return;
    }
    case Op::kText:
      return plan.text->Append(out, in.Bytes(in.UInt(plan.width)));
    case Op::kBlankText: {
      size_t from = out.size();
      plan.text->Append(out, in.Bytes(in.UInt(plan.width)));
      return CutBlanks(out, from);
    }
    case Op::kCompressed:
      return AppendCompressed(plan, in.Bytes(in.UInt(plan.width)), out);
    case Op::kJson:
      return AppendJsonText(out, in.Bytes(in.UInt(plan.width)));
  }
}

namespace {

CellPlan::Op TextOp(const LogicalType& type) {
  if (type.kind == TypeKind::kChar) return CellPlan::Op::kBlankText;
  if (type.kind == TypeKind::kBinary) return CellPlan::Op::kPaddedBytes;
  return type.is_text() || type.kind == TypeKind::kJson ? CellPlan::Op::kText
                                                        : CellPlan::Op::kBytes;
}

bool MakeInteger(uint8_t width, const LogicalType& type, CellPlan& plan) {
  plan.op = type.is_unsigned ? CellPlan::Op::kUnsigned : CellPlan::Op::kSigned;
  plan.width = width;
  return type.kind == TypeKind::kInteger && type.bits == width * 8;
}

// A STRING column's metadata holds its real type in the first byte, with two bits of a length above
// 255 folded into it, and its length in bytes in the second.
bool MakeString(uint16_t meta, const LogicalType& type, CellPlan& plan) {
  uint8_t real = static_cast<uint8_t>(meta);
  uint32_t length = meta >> 8;
  if ((real & 0x30) != 0x30) {
    length |= static_cast<uint32_t>((real & 0x30) ^ 0x30) << 4;
    real |= 0x30;
  }
  if (real == static_cast<uint8_t>(WireType::kEnum)) {
    plan.op = CellPlan::Op::kEnum;
    plan.width = static_cast<uint8_t>(length);
    return type.kind == TypeKind::kEnum && (length == 1 || length == 2);
  }
  if (real == static_cast<uint8_t>(WireType::kSet)) {
    plan.op = CellPlan::Op::kSet;
    plan.width = static_cast<uint8_t>(length);
    return type.kind == TypeKind::kSet && length >= 1 && length <= 8;
  }
  plan.op = TextOp(type);
  plan.width = length > 255 ? 2 : 1;
  return type.kind == TypeKind::kChar || type.kind == TypeKind::kBinary;
}

}  // namespace

bool CellPlan::Make(WireType wire, uint16_t meta, const LogicalType& type, CellPlan& plan) {
  plan = CellPlan{.type = &type};
  auto timed = [&](Op op, TypeKind kind, int fsp) {
    plan.op = op;
    plan.scale = static_cast<uint8_t>(fsp);
    return type.kind == kind && type.fsp == fsp && fsp <= 6;
  };
  switch (wire) {
    case WireType::kTiny:
      return MakeInteger(1, type, plan);
    case WireType::kShort:
      return MakeInteger(2, type, plan);
    case WireType::kInt24:
      return MakeInteger(3, type, plan);
    case WireType::kLong:
      return MakeInteger(4, type, plan);
    case WireType::kLongLong:
      return MakeInteger(8, type, plan);
    case WireType::kYear:
      plan.op = Op::kYear;
      return type.kind == TypeKind::kInteger && type.bits == 16;
    case WireType::kFloat:
      plan.op = Op::kFloat;
      return type.kind == TypeKind::kFloat && type.bits == 32 && meta == 4;
    case WireType::kDouble:
      plan.op = Op::kDouble;
      return type.kind == TypeKind::kFloat && type.bits == 64 && meta == 8;
    case WireType::kNewDecimal:
      plan.op = Op::kDecimal;
      plan.digits = static_cast<uint8_t>(meta);
      plan.scale = static_cast<uint8_t>(meta >> 8);
      return type.kind == TypeKind::kDecimal && type.precision == plan.digits &&
             type.scale == plan.scale;
    case WireType::kBit: {
      uint64_t bits = (meta >> 8) * 8u + (meta & 0xff);
      plan.op = Op::kBit;
      plan.width = static_cast<uint8_t>((bits + 7) / 8);
      return type.kind == TypeKind::kBit && type.length == bits;
    }
    case WireType::kDate:
    case WireType::kNewDate:
      plan.op = Op::kDate;
      return type.kind == TypeKind::kDate;
    case WireType::kTime:
      return timed(Op::kTime, TypeKind::kTime, 0);
    case WireType::kDatetime:
      return timed(Op::kDatetime, TypeKind::kDatetime, 0);
    case WireType::kTimestamp:
      return timed(Op::kTimestamp, TypeKind::kTimestamp, 0);
    case WireType::kTime2:
      return timed(Op::kTime2, TypeKind::kTime, meta);
    case WireType::kDatetime2:
      return timed(Op::kDatetime2, TypeKind::kDatetime, meta);
    case WireType::kTimestamp2:
      return timed(Op::kTimestamp2, TypeKind::kTimestamp, meta);
    case WireType::kVarchar:
    case WireType::kVarString:
      plan.op = TextOp(type);
      plan.width = meta > 255 ? 2 : 1;
      return type.kind == TypeKind::kVarchar || type.kind == TypeKind::kVarbinary;
    case WireType::kCompressedVarchar:
      plan.op = Op::kCompressed;
      plan.width = meta > 255 ? 2 : 1;
      return type.kind == TypeKind::kVarchar || type.kind == TypeKind::kVarbinary;
    case WireType::kCompressedBlob:
      plan.op = Op::kCompressed;
      plan.width = static_cast<uint8_t>(meta);
      return (type.kind == TypeKind::kText || type.kind == TypeKind::kBlob) && meta >= 1 &&
             meta <= 4;
    case WireType::kString:
      return MakeString(meta, type, plan);
    case WireType::kJson:
      plan.op = Op::kJson;
      plan.width = static_cast<uint8_t>(meta);
      return type.kind == TypeKind::kJson && meta >= 1 && meta <= 4;
    case WireType::kBlob:
      plan.op = TextOp(type);
      plan.width = static_cast<uint8_t>(meta);
      return (type.kind == TypeKind::kText || type.kind == TypeKind::kBlob ||
              type.kind == TypeKind::kJson) &&
             meta >= 1 && meta <= 4;
    case WireType::kVector:
    case WireType::kGeometry:
      plan.op = Op::kBytes;
      plan.width = static_cast<uint8_t>(meta);
      return type.kind == (wire == WireType::kVector ? TypeKind::kBlob : TypeKind::kGeometry) &&
             meta >= 1 && meta <= 4;
    default:
      return false;
  }
}

}  // namespace godwit::mysql
