// SPDX-License-Identifier: Apache-2.0
// The cells of a row event: written here as the server writes them, read back.
#include "connectors/mysql_family/binlog_cells.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <array>
#include <cstring>
#include <random>

#include "base/byte_writer.h"
#include "connectors/mysql_family/json_binary.h"

namespace godwit::mysql {
namespace {

std::string Read(WireType wire, uint16_t meta, LogicalType type, std::string_view bytes,
                 TextDecoder* text = nullptr) {
  CellPlan plan;
  EXPECT_TRUE(CellPlan::Make(wire, meta, type, plan));
  plan.text = text;
  ByteReader in(bytes, "a test");
  std::string out;
  AppendCell(plan, in, out);
  EXPECT_TRUE(in.empty());
  return out;
}

void AppendBig(std::string& out, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
}

LogicalType Integer(int bits, bool is_unsigned) {
  return {.kind = TypeKind::kInteger, .bits = bits, .is_unsigned = is_unsigned};
}

TEST(BinlogCells, IntegersOfEveryWidth) {
  std::mt19937_64 random(1);
  const std::array<std::pair<WireType, int>, 5> kWidths = {{{WireType::kTiny, 1},
                                                            {WireType::kShort, 2},
                                                            {WireType::kInt24, 3},
                                                            {WireType::kLong, 4},
                                                            {WireType::kLongLong, 8}}};
  for (auto [wire, width] : kWidths) {
    for (int i = 0; i < 2000; ++i) {
      uint64_t raw = random();
      int shift = 64 - 8 * width;
      std::string bytes(reinterpret_cast<const char*>(&raw), static_cast<size_t>(width));
      EXPECT_EQ(Read(wire, 0, Integer(8 * width, true), bytes),
                std::to_string(raw << shift >> shift));
      EXPECT_EQ(Read(wire, 0, Integer(8 * width, false), bytes),
                std::to_string(static_cast<int64_t>(raw << shift) >> shift));
    }
  }
}

// decimal2bin, as the server does it.
std::string EncodeDecimal(const std::string& whole, const std::string& fraction, bool negative) {
  constexpr std::array<int, 10> kBytes = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
  std::string out;
  auto group = [&](const std::string& digits) {
    if (!digits.empty()) AppendBig(out, std::stoul(digits), kBytes[digits.size()]);
  };
  size_t head = whole.size() % 9;
  group(whole.substr(0, head));
  for (size_t i = head; i < whole.size(); i += 9) group(whole.substr(i, 9));
  for (size_t i = 0; i < fraction.size(); i += 9) group(fraction.substr(i, 9));
  if (negative) {
    for (char& c : out) c = static_cast<char>(~c);
  }
  out[0] = static_cast<char>(out[0] ^ 0x80);
  return out;
}

TEST(BinlogCells, DecimalsOfEveryShape) {
  std::mt19937_64 random(2);
  for (int precision = 1; precision <= 65; ++precision) {
    for (int scale = 0; scale <= std::min(precision, 30); ++scale) {
      for (int i = 0; i < 8; ++i) {
        std::string whole, fraction;
        // Zeros in front are as likely as digits.
        int zeros = static_cast<int>(random() % static_cast<unsigned>(precision + 1));
        for (int d = 0; d < precision; ++d) {
          char digit = d < zeros ? '0' : static_cast<char>('0' + random() % 10);
          (d < precision - scale ? whole : fraction).push_back(digit);
        }
        bool negative = random() % 2 == 0;
        std::string expected = whole.substr(std::min(whole.find_first_not_of('0'), whole.size()));
        if (expected.empty()) expected = "0";
        if (scale > 0) expected += "." + fraction;
        bool is_zero = expected.find_first_not_of("0.") == std::string::npos;
        if (negative && !is_zero) expected = "-" + expected;
        LogicalType type{.kind = TypeKind::kDecimal, .precision = precision, .scale = scale};
        EXPECT_EQ(Read(WireType::kNewDecimal, static_cast<uint16_t>(precision | scale << 8), type,
                       EncodeDecimal(whole, fraction, negative)),
                  expected);
      }
    }
  }
}

std::string Fraction(uint32_t micros, int fsp) {
  return fsp == 0 ? "" : "." + fmt::format("{:06}", micros).substr(0, static_cast<size_t>(fsp));
}

TEST(BinlogCells, TimesWithNegativeFractions) {
  std::mt19937_64 random(3);
  constexpr std::array<uint32_t, 7> kUnit = {1000000, 100000, 10000, 1000, 100, 10, 1};
  constexpr std::array<uint32_t, 4> kStored = {1, 10000, 100, 1};
  for (int i = 0; i < 20000; ++i) {
    int fsp = static_cast<int>(random() % 7);
    uint32_t hour = static_cast<uint32_t>(random() % 839), minute = random() % 60,
             second = random() % 60;
    uint32_t micros =
        fsp == 0 ? 0 : static_cast<uint32_t>(random() % 1000000) / kUnit[fsp] * kUnit[fsp];
    bool negative = random() % 2 == 0 && (hour | minute | second | micros) != 0;
    int extra = (fsp + 1) / 2;
    int64_t value = (int64_t{hour} << 12 | minute << 6 | second) << (8 * extra);
    if (extra > 0) value |= micros / kStored[static_cast<size_t>(extra)];
    if (negative) value = -value;
    value += int64_t{0x800000} << (8 * extra);
    std::string bytes;
    AppendBig(bytes, static_cast<uint64_t>(value), 3 + extra);
    std::string expected = fmt::format("{}{:02}:{:02}:{:02}{}", negative ? "-" : "", hour, minute,
                                       second, Fraction(micros, fsp));
    EXPECT_EQ(Read(WireType::kTime2, static_cast<uint16_t>(fsp),
                   {.kind = TypeKind::kTime, .fsp = fsp}, bytes),
              expected);
  }
}

TEST(BinlogCells, DatetimesAndInstants) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 20000; ++i) {
    uint64_t year = random() % 10000, month = random() % 13, day = random() % 32;
    uint64_t hour = random() % 24, minute = random() % 60, second = random() % 60;
    uint32_t micros = static_cast<uint32_t>(random() % 1000000);
    uint64_t value = (((year * 13 + month) << 5 | day) << 17) | hour << 12 | minute << 6 | second;
    std::string bytes;
    AppendBig(bytes, value + 0x8000000000ULL, 5);
    AppendBig(bytes, micros, 3);
    EXPECT_EQ(Read(WireType::kDatetime2, 6, {.kind = TypeKind::kDatetime, .fsp = 6}, bytes),
              fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}", year, month, day, hour,
                          minute, second, micros));
  }
  for (int i = 0; i < 20000; ++i) {
    time_t seconds = static_cast<time_t>(1 + random() % 0xffffffffULL);
    std::string bytes;
    AppendBig(bytes, static_cast<uint64_t>(seconds), 4);
    tm parts;
    gmtime_r(&seconds, &parts);
    char text[32];
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
    EXPECT_EQ(Read(WireType::kTimestamp2, 0, {.kind = TypeKind::kTimestamp}, bytes), text);
  }
  EXPECT_EQ(Read(WireType::kTimestamp2, 2, {.kind = TypeKind::kTimestamp, .fsp = 2},
                 std::string(5, '\0')),
            "0000-00-00 00:00:00.00");
}

// The formats of tables made before 5.6.4.
TEST(BinlogCells, OldTemporalFormats) {
  int32_t value = -8385959;
  std::string time(reinterpret_cast<const char*>(&value), 3);
  EXPECT_EQ(Read(WireType::kTime, 0, {.kind = TypeKind::kTime}, time), "-838:59:59");
  std::string datetime;
  AppendFixed<uint64_t>(datetime, 20240229123456ULL);
  EXPECT_EQ(Read(WireType::kDatetime, 0, {.kind = TypeKind::kDatetime}, datetime),
            "2024-02-29 12:34:56");
  std::string timestamp;
  AppendFixed<uint32_t>(timestamp, 1);
  EXPECT_EQ(Read(WireType::kTimestamp, 0, {.kind = TypeKind::kTimestamp}, timestamp),
            "1970-01-01 00:00:01");
}

TEST(BinlogCells, TextsBytesAndLabels) {
  TextDecoders texts(std::make_shared<Charsets>());
  TextDecoder& latin1 = texts.Of("latin1");
  TextDecoder& gbk = texts.Of("gbk");
  TextDecoder& utf8 = texts.Of("utf8mb4");
  EXPECT_EQ(
      Read(WireType::kVarchar, 100, {.kind = TypeKind::kVarchar}, "\x04\x80\xe9\x81 ", &latin1),
      "€é\xc2\x81 ");
  EXPECT_EQ(Read(WireType::kVarchar, 300, {.kind = TypeKind::kVarchar},
                 std::string("\x02\x00\xd6\xd0", 4), &gbk),
            "中");
  EXPECT_EQ(
      Read(WireType::kString, 0x14fe, {.kind = TypeKind::kChar, .length = 5}, "\x03 a ", &utf8),
      " a");
  EXPECT_EQ(Read(WireType::kString, 0x05fe, {.kind = TypeKind::kBinary, .length = 5}, "\x02xy"),
            std::string("xy\0\0\0", 5));
  LogicalType label{.kind = TypeKind::kEnum, .labels = {"a", ""}};
  EXPECT_EQ(Read(WireType::kString, 0x01f7, label, std::string(1, '\0')), std::string(1, '\0'));
  EXPECT_EQ(Read(WireType::kString, 0x01f7, label, "\x01"), "a");
  EXPECT_EQ(Read(WireType::kString, 0x01f7, label, "\x02"), "");
  EXPECT_THROW(Read(WireType::kString, 0x01f7, label, "\x03"), Error);
  LogicalType set{.kind = TypeKind::kSet, .labels = {"x", "y", "z"}};
  EXPECT_EQ(Read(WireType::kString, 0x01f8, set, "\x05"), "x,z");
  EXPECT_THROW(Read(WireType::kString, 0x01f8, set, "\x08"), Error);
  EXPECT_EQ(gbk.Decode("a\xff\xd6\xd0\x81"), "a\xff\xff中\xff\x81");
  EXPECT_THROW(texts.Of("klingon"), Error);
}

// As MariaDB stores a value of a COMPRESSED column (compress_zlib): with zlib's frame or without.
std::string Compressed(std::string_view value, bool is_bare) {
  z_stream stream{};
  const int bits = is_bare ? -MAX_WBITS : MAX_WBITS;
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, value.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(value.data()));
  stream.avail_in = static_cast<uInt>(value.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  std::string out(1, static_cast<char>(is_bare ? 0x8a : 0x82));
  AppendBig(out, value.size(), 2);
  return out + packed;
}

TEST(BinlogCells, CompressedColumns) {
  TextDecoders texts(std::make_shared<Charsets>());
  TextDecoder& latin1 = texts.Of("latin1");
  const LogicalType varchar{.kind = TypeKind::kVarchar, .length = 400};
  const LogicalType blob{.kind = TypeKind::kBlob};
  EXPECT_EQ(Read(WireType::kCompressedVarchar, 101, varchar, std::string(1, '\0'), &latin1), "");
  EXPECT_EQ(Read(WireType::kCompressedVarchar, 101, varchar, std::string("\2\0\xe9", 3), &latin1),
            "é");
  EXPECT_EQ(Read(WireType::kCompressedBlob, 2, blob, std::string("\3\0\0\xe9\0", 5)),
            std::string("\xe9\0", 2));
  const std::string value(300, '\xe9');
  for (const bool is_bare : {true, false}) {
    const std::string stored = Compressed(value, is_bare);
    std::string cell;
    AppendFixed(cell, static_cast<uint16_t>(stored.size()));
    cell += stored;
    EXPECT_EQ(Read(WireType::kCompressedVarchar, 401, varchar, cell, &latin1),
              latin1.Decode(value));
    EXPECT_EQ(Read(WireType::kCompressedBlob, 2, blob, cell), value);
    ++cell[4];  // the size that it claims
    EXPECT_THROW(Read(WireType::kCompressedBlob, 2, blob, cell), Error);
  }
  CellPlan plan;
  EXPECT_FALSE(CellPlan::Make(WireType::kCompressedVarchar, 101, blob, plan));
  EXPECT_FALSE(CellPlan::Make(WireType::kCompressedBlob, 5, blob, plan));
  EXPECT_FALSE(CellPlan::Make(WireType::kCompressedBlob, 2, varchar, plan));
}

TEST(BinlogCells, TypesThatDoNotFitAreRefused) {
  CellPlan plan;
  LogicalType small{.kind = TypeKind::kInteger, .bits = 32};
  EXPECT_FALSE(CellPlan::Make(WireType::kLongLong, 0, small, plan));
  LogicalType decimal{.kind = TypeKind::kDecimal, .precision = 10, .scale = 2};
  EXPECT_FALSE(CellPlan::Make(WireType::kNewDecimal, 10 | 3 << 8, decimal, plan));
  LogicalType time{.kind = TypeKind::kTime, .fsp = 3};
  EXPECT_FALSE(CellPlan::Make(WireType::kTime2, 6, time, plan));
  EXPECT_FALSE(CellPlan::Make(static_cast<WireType>(20), 2, {.kind = TypeKind::kBlob}, plan));
}

// Arrays whose two members are the same next array, forty levels deep: 2^40 members of few bytes.
TEST(JsonBinary, SharedMembersAreRefused) {
  std::string inner("\0\0\4\0", 4);
  for (int level = 0; level < 40; ++level) {
    std::string outer;
    AppendFixed<uint16_t>(outer, 2);
    AppendFixed<uint16_t>(outer, static_cast<uint16_t>(10 + inner.size()));
    for (int member = 0; member < 2; ++member) {
      outer.push_back('\2');
      AppendFixed<uint16_t>(outer, 10);
    }
    inner = outer + inner;
  }
  std::string out;
  EXPECT_THROW(AppendJsonText(out, "\2" + inner), Error);
  EXPECT_THROW(AppendPatchedJsonText(out, "\2" + inner, ""), Error);
}

// Each difference puts an array into the one that the difference before has put there.
TEST(JsonBinary, DifferencesThatNestTooDeepAreRefused) {
  const std::string empty("\2\0\0\4\0", 5);
  auto nested = [&](int levels) {
    std::string differences, path = "$";
    for (int level = 0; level < levels; ++level) {
      path += "[0]";
      differences += "\1\xfc";
      AppendFixed<uint16_t>(differences, static_cast<uint16_t>(path.size()));
      differences += path + '\5' + empty;
    }
    std::string out;
    AppendPatchedJsonText(out, empty, differences);
    return out;
  };
  EXPECT_EQ(nested(2), "[[[]]]");
  EXPECT_EQ(nested(100).size(), 202u);
  EXPECT_THROW(nested(102), Error);
}

TEST(JsonBinary, DamagedBytesNeverPassTheirEnd) {
  // {"k": [1, "text", 2.5]} as the server stores it, then every byte changed in every bit.
  const std::string document(
      "\x00\x01\x00\x27\x00\x0b\x00\x01\x00\x02\x0c\x00k"
      "\x03\x00\x1b\x00\x05\x01\x00\x0c\x0d\x00\x0b\x12\x00\x04text"
      "\x00\x00\x00\x00\x00\x00\x04\x40",
      39 + 1);
  std::string whole;
  AppendJsonText(whole, document);
  EXPECT_EQ(whole, "{\"k\": [1, \"text\", 2.5]}");
  for (size_t i = 0; i < document.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = document;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      std::string out;
      try {
        AppendJsonText(out, damaged);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), "CORRUPT_BYTES");
      }
    }
  }
}

}  // namespace
}  // namespace godwit::mysql
