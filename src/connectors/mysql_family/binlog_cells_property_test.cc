// SPDX-License-Identifier: Apache-2.0
// Every kind of cell over extreme and random values: the bytes from encoders written here after the
// server's published forms, the cells from formatters that share nothing with the decoder either.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/hex.h"
#include "connectors/mysql_family/binlog_cells.h"
#include "connectors/mysql_family/draw_for_test.h"

namespace godwit::mysql {
namespace {

constexpr int kValues = 3000;

// Behind its length in so many bytes.
std::string Framed(std::string_view bytes, size_t width) {
  return Little(bytes.size(), width) + std::string(bytes);
}

// The cells of one column.
class Codec {
 public:
  Codec(WireType wire, uint64_t meta, LogicalType type, std::string_view charset = "")
      : type_(std::move(type)) {
    EXPECT_TRUE(CellPlan::Make(wire, static_cast<uint16_t>(meta), type_, plan_))
        << static_cast<int>(wire) << "/" << meta;
    if (charset.empty()) return;
    text_ = std::make_unique<TextDecoder>(charset, Charsets().Of(std::string(charset)));
    plan_.text = text_.get();
  }

  // These bytes are this cell, and less of them is none.
  void Check(std::string_view bytes, std::string_view cell) {
    EXPECT_EQ(Decode(bytes), cell) << ToHex(bytes);
    // Where a value ends hardly depends on the value: not every one is cut.
    if (checked_ < 4 || checked_ % 16 == 0) RefuseCuts(bytes);
    ++checked_;
  }

  // Between other bytes and behind another cell: neither is touched.
  std::string Decode(std::string_view bytes) const {
    static constexpr std::string_view kBefore = "the cell before ";
    std::string row(bytes);
    row += "\xff the next";
    ByteReader in(row, "a test");
    std::string out(kBefore);
    AppendCell(plan_, in, out);
    EXPECT_EQ(in.position(), bytes.size()) << ToHex(bytes);
    EXPECT_TRUE(out.starts_with(kBefore)) << ToHex(bytes);
    return out.substr(std::min(kBefore.size(), out.size()));
  }

  // Cut by any number of bytes; of long ones, some of the places before the last few.
  void RefuseCuts(std::string_view bytes) const {
    const size_t step = 1 + bytes.size() / 64;
    for (size_t cut = 1; cut <= bytes.size(); cut += cut < 16 ? 1 : step) {
      Refuse(bytes.substr(0, bytes.size() - cut));
    }
  }

  void Refuse(std::string_view bytes) const {
    // An allocation of just this size, so that a sanitizer sees a read past its end.
    const std::vector<char> exact(bytes.begin(), bytes.end());
    ByteReader in(std::string_view(exact.data(), exact.size()), "a test");
    std::string out;
    try {
      AppendCell(plan_, in, out);
      ADD_FAILURE() << "these bytes were taken: " << ToHex(bytes);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "CORRUPT_BYTES") << ToHex(bytes);
    }
  }

 private:
  const LogicalType type_;
  CellPlan plan_;
  std::unique_ptr<TextDecoder> text_;
  uint64_t checked_ = 0;
};

TEST(BinlogCellsProperty, Integers) {
  using Column = std::pair<WireType, int>;
  Draw draw(1);
  for (const Column& column :
       {Column{WireType::kTiny, 8}, Column{WireType::kShort, 16}, Column{WireType::kInt24, 24},
        Column{WireType::kLong, 32}, Column{WireType::kLongLong, 64}}) {
    const int bits = column.second;
    const uint64_t most = kAllBits >> (64 - bits);
    Codec with_sign(column.first, 0, {.kind = TypeKind::kInteger, .bits = bits});
    Codec without_sign(column.first, 0,
                       {.kind = TypeKind::kInteger, .bits = bits, .is_unsigned = true});
    auto check = [&](uint64_t raw) {
      const std::string bytes = Little(raw, static_cast<size_t>(bits / 8));
      with_sign.Check(bytes, SignedText(raw, bits));
      without_sign.Check(bytes, fmt::format("{}", raw));
    };
    for (uint64_t edge : {uint64_t{0}, most / 2, most / 2 + 1, most}) check(edge);
    for (int i = 0; i < kValues; ++i) check(DrawInteger(bits, draw));
  }
}

TEST(BinlogCellsProperty, EveryYear) {
  Codec codec(WireType::kYear, 0, {.kind = TypeKind::kInteger, .bits = 16, .is_unsigned = true});
  for (uint64_t b = 0; b < 256; ++b) {
    codec.Check(Little(b, 1), fmt::format("{}", b == 0 ? 0 : 1900 + b));
  }
}

// Of the second argument's type.
float Parse(const std::string& text, float) { return std::strtof(text.c_str(), nullptr); }
double Parse(const std::string& text, double) { return std::strtod(text.c_str(), nullptr); }

// Of the texts of a number above zero that printf writes and that read back, the shortest's length.
template <typename Float>
size_t LeastLength(Float value) {
  for (int digits = 1; digits <= std::numeric_limits<Float>::max_digits10; ++digits) {
    const std::string text = fmt::format("{:.{}e}", static_cast<double>(value), digits - 1);
    if (Parse(text, value) != value) continue;
    const int exponent = std::stoi(text.substr(text.find('e') + 1));
    const int plain = exponent < 0            ? 1 - exponent + digits
                      : exponent < digits - 1 ? digits + 1
                                              : exponent + 1;
    return std::min(static_cast<size_t>(plain), text.size());
  }
  ADD_FAILURE() << "no decimal reads back to " << value;
  return 0;
}

// The canonical text is what reads back to the same bits when nothing shorter does.
template <typename Float, typename Raw>
void CheckFloats(WireType wire, int bits) {
  using Limits = std::numeric_limits<Float>;
  Draw draw(2);
  Codec codec(wire, sizeof(Float), {.kind = TypeKind::kFloat, .bits = bits});
  auto check = [&](Float value) {
    const Raw raw = std::bit_cast<Raw>(value);
    const std::string text = codec.Decode(Little(raw, sizeof(raw)));
    EXPECT_EQ(std::bit_cast<Raw>(Parse(text, value)), raw) << text;
    const size_t least = value == 0 ? 1 : LeastLength(std::fabs(value));
    EXPECT_LE(text.size(), least + (std::signbit(value) ? 1 : 0)) << text;
  };
  codec.RefuseCuts(Little(std::bit_cast<Raw>(Float{1}), sizeof(Raw)));
  for (Float edge : {Float{0}, Limits::denorm_min(), Limits::min(), Limits::max()}) {
    check(edge);
    check(-edge);
  }
  for (int e = Limits::min_exponent - Limits::digits; e < Limits::max_exponent; ++e) {
    check(std::ldexp(Float{1}, e));
    check(std::nextafter(std::ldexp(Float{1}, e), Float{0}));
  }
  for (int i = 0; i < kValues; ++i) {
    const Float any = std::bit_cast<Float>(static_cast<Raw>(draw.Bits()));
    if (std::isfinite(any)) check(any);
    // What people store: prices and counts.
    const Float count = static_cast<Float>(draw.UpTo(20000000));
    check(draw.Flip() ? count : count / Float{100});
  }
}

TEST(BinlogCellsProperty, Floats) { CheckFloats<float, uint32_t>(WireType::kFloat, 32); }
TEST(BinlogCellsProperty, Doubles) { CheckFloats<double, uint64_t>(WireType::kDouble, 64); }

// decimal2bin: every nine digits in four bytes, the odd ones at both ends in fewer; the first bit
// says that the number is not negative, and a negative one's bytes are inverted.
std::string EncodeDecimal(std::string_view whole, std::string_view fraction, bool is_negative) {
  constexpr std::array<size_t, 10> kBytes = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
  std::string out;
  auto put = [&](std::string_view digits) {
    if (digits.empty()) return;
    out += Big(std::stoull(std::string(digits)), kBytes[digits.size()]);
  };
  const size_t odd = whole.size() % 9;
  put(whole.substr(0, odd));
  for (size_t at = odd; at < whole.size(); at += 9) put(whole.substr(at, 9));
  for (size_t at = 0; at < fraction.size(); at += 9) put(fraction.substr(at, 9));
  out[0] = static_cast<char>(out[0] ^ 0x80);
  if (is_negative) {
    for (char& c : out) c = static_cast<char>(~c);
  }
  return out;
}

// MySQL has 30 decimals at most, MariaDB 38.
TEST(BinlogCellsProperty, DecimalsOfEveryPrecisionAndScale) {
  Draw draw(4);
  for (int precision = 1; precision <= 65; ++precision) {
    for (int scale = 0; scale <= std::min(precision, 38); ++scale) {
      Codec codec(WireType::kNewDecimal, static_cast<uint64_t>(precision | scale << 8),
                  {.kind = TypeKind::kDecimal, .precision = precision, .scale = scale});
      const size_t point = static_cast<size_t>(precision - scale);
      auto check = [&](std::string_view digits) {
        const std::string_view whole = digits.substr(0, point);
        const std::string_view fraction = digits.substr(point);
        for (bool is_negative : {false, true}) {
          codec.Check(EncodeDecimal(whole, fraction, is_negative),
                      DecimalText(whole, fraction, is_negative));
        }
      };
      const std::string zeros(static_cast<size_t>(precision), '0');
      check(zeros);  // of either sign: there is no "-0"
      check(std::string(zeros.size(), '9'));
      for (int i = 0; i < 4; ++i) check(DrawDigits(precision, draw));
      // A group of more than its digits can say, of either sign.
      const size_t size = EncodeDecimal(zeros.substr(0, point), zeros.substr(point), false).size();
      codec.Refuse(std::string(size, '\xff'));
      codec.Refuse(std::string(size, '\0'));
    }
  }
}

TEST(BinlogCellsProperty, BitsOfEveryWidth) {
  Draw draw(5);
  for (uint64_t bits = 1; bits <= 64; ++bits) {
    Codec codec(WireType::kBit, bits % 8 | bits / 8 << 8, {.kind = TypeKind::kBit, .length = bits});
    for (int i = 0; i < 100; ++i) {
      const std::string bytes = Big(draw.UpTo(kAllBits >> (64 - bits)), (bits + 7) / 8);
      codec.Check(bytes, bytes);
    }
  }
}

std::vector<std::string> Labels(size_t count) {
  std::vector<std::string> labels;
  for (size_t i = 0; i < count; ++i) labels.push_back(fmt::format("étiquette {}", i));
  return labels;
}

// A STRING column's metadata: real type and bytes, whose bits 8 and 9 invert two bits of the type.
uint64_t StringMeta(WireType type, size_t length) {
  return (static_cast<uint64_t>(type) ^ ((length & 0x300) >> 4)) | ((length & 0xff) << 8);
}

TEST(BinlogCellsProperty, Enums) {
  Draw draw(6);
  for (size_t count : {1u, 2u, 254u, 255u, 256u, 257u, 1000u, 65535u}) {
    std::vector<std::string> labels = Labels(count);
    labels[count / 2].clear();  // a label may be empty, and is not the error value
    const size_t width = count < 256 ? 1 : 2;
    Codec codec(WireType::kString, StringMeta(WireType::kEnum, width),
                {.kind = TypeKind::kEnum, .labels = labels});
    codec.Check(Little(0, width), std::string(1, '\0'));
    auto check = [&](size_t index) { codec.Check(Little(index, width), labels[index - 1]); };
    for (size_t index = 1; index <= std::min<size_t>(count, 1000); ++index) check(index);
    for (int i = 0; i < 1000; ++i) check(1 + draw.UpTo(count - 1));
    if (count + 1 < (size_t{1} << (8 * width))) codec.Refuse(Little(count + 1, width));
  }
}

TEST(BinlogCellsProperty, Sets) {
  Draw draw(7);
  for (size_t count = 1; count <= 64; ++count) {
    const std::vector<std::string> labels = Labels(count);
    const size_t width = count > 32 ? 8 : (count + 7) / 8;
    Codec codec(WireType::kString, StringMeta(WireType::kSet, width),
                {.kind = TypeKind::kSet, .labels = labels});
    auto check = [&](uint64_t bits) {
      std::string cell;
      for (size_t i = 0; i < count; ++i) {
        if (((bits >> i) & 1) != 0) cell += (cell.empty() ? "" : ",") + labels[i];
      }
      codec.Check(Little(bits, width), cell);
    };
    for (size_t i = 0; i < count; ++i) check(uint64_t{1} << i);
    for (int i = 0; i < 80; ++i) check(draw.UpTo(kAllBits >> (64 - count)));
    for (size_t i = count; i < 8 * width; ++i) codec.Refuse(Little(uint64_t{1} << i, width));
  }
}

// Of a negative time, a negative number.
std::string FractionBytes(int64_t micros, int fsp) {
  constexpr std::array<int64_t, 4> kStored = {1, 10000, 100, 1};
  const size_t bytes = static_cast<size_t>(fsp + 1) / 2;
  return Big(static_cast<uint64_t>(micros / kStored[bytes]), bytes);
}

// my_time_packed_to_binary: whole seconds are rounded down, the fraction keeps its sign.
std::string EncodeTime2(const Parts& p, bool is_negative, int fsp) {
  const int64_t size = static_cast<int64_t>((ClockBits(p) << 24) + p.micros);
  const int64_t packed = is_negative ? -size : size;
  return Big(static_cast<uint64_t>((packed >> 24) + 0x800000), 3) +
         FractionBytes(packed % (int64_t{1} << 24), fsp);
}

TEST(BinlogCellsProperty, TimesOfEveryPrecision) {
  Draw draw(8);
  for (int fsp = 0; fsp <= 6; ++fsp) {
    Codec codec(WireType::kTime2, fsp, {.kind = TypeKind::kTime, .fsp = fsp});
    auto check = [&](const Parts& p) {
      codec.Check(EncodeTime2(p, false, fsp), ClockText(p, fsp));
      if (ClockBits(p) + p.micros == 0) return;  // there is no "-00:00:00"
      codec.Check(EncodeTime2(p, true, fsp), fmt::format("-{}", ClockText(p, fsp)));
    };
    check({});
    check({.hour = 838, .minute = 59, .second = 59});
    check({.hour = 838, .minute = 59, .second = 58, .micros = 1000000 - Unit(fsp)});
    if (fsp > 0) check({.micros = Unit(fsp)});
    for (int i = 0; i < kValues; ++i) check(DrawParts(draw, 838, fsp));
  }
}

TEST(BinlogCellsProperty, DatetimesOfEveryPrecision) {
  Draw draw(9);
  for (int fsp = 0; fsp <= 6; ++fsp) {
    Codec codec(WireType::kDatetime2, fsp, {.kind = TypeKind::kDatetime, .fsp = fsp});
    auto check = [&](const Parts& p) {
      const uint64_t date = ((p.year * 13 + p.month) << 5) | p.day;
      const uint64_t whole = (date << 17) | ClockBits(p);
      codec.Check(Big(whole + 0x8000000000, 5) + FractionBytes(p.micros, fsp),
                  fmt::format("{} {}", DateText(p), ClockText(p, fsp)));
    };
    check({});
    check({9999, 12, 31, 23, 59, 59, 1000000 - Unit(fsp)});
    for (int i = 0; i < kValues; ++i) check(DrawParts(draw, 23, fsp));
    codec.Refuse(Big(0x7fffffffff, 5) + FractionBytes(0, fsp));  // below zero
  }
}

TEST(BinlogCellsProperty, TimestampsOfEveryPrecision) {
  Draw draw(10);
  for (int fsp = 0; fsp <= 6; ++fsp) {
    Codec codec(WireType::kTimestamp2, fsp, {.kind = TypeKind::kTimestamp, .fsp = fsp});
    auto check = [&](uint64_t seconds, uint64_t micros) {
      codec.Check(Big(seconds, 4) + FractionBytes(micros, fsp),
                  fmt::format("{}{}", InstantText(seconds), FractionText(micros, fsp)));
    };
    check(0, 0);
    // MySQL ends in 2038, MariaDB since 11.5 in 2106.
    for (uint64_t seconds : {0x1u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
      check(seconds, 0);
      check(seconds, 1000000 - Unit(fsp));
    }
    for (int i = 0; i < kValues; ++i) {
      check(1 + draw.UpTo(0xfffffffe), DrawParts(draw, 23, fsp).micros);
    }
  }
}

TEST(BinlogCellsProperty, DatesAndTheOldForms) {
  Draw draw(11);
  Codec date(WireType::kDate, 0, {.kind = TypeKind::kDate});
  Codec new_date(WireType::kNewDate, 0, {.kind = TypeKind::kDate});
  Codec time(WireType::kTime, 0, {.kind = TypeKind::kTime});
  Codec datetime(WireType::kDatetime, 0, {.kind = TypeKind::kDatetime});
  auto check_time = [&](const Parts& p) {
    const uint64_t value = (p.hour * 100 + p.minute) * 100 + p.second;
    time.Check(Little(value, 3), ClockText(p, 0));
    if (value != 0) time.Check(Little(~value + 1, 3), fmt::format("-{}", ClockText(p, 0)));
  };
  auto check_date = [&](const Parts& p) {
    const std::string bytes = Little((p.year << 9) | (p.month << 5) | p.day, 3);
    date.Check(bytes, DateText(p));
    new_date.Check(bytes, DateText(p));
    const uint64_t digits = (p.year * 100 + p.month) * 100 + p.day;
    const uint64_t clock = (p.hour * 100 + p.minute) * 100 + p.second;
    datetime.Check(Little(digits * 1000000 + clock, 8),
                   fmt::format("{} {}", DateText(p), ClockText(p, 0)));
  };
  for (const Parts& p : {Parts{}, Parts{9999, 12, 31, 23, 59, 59, 0}}) check_date(p);
  for (const Parts& p : {Parts{}, Parts{.hour = 838, .minute = 59, .second = 59}}) check_time(p);
  for (int i = 0; i < kValues; ++i) {
    check_time(DrawParts(draw, 838, 0));
    check_date(DrawParts(draw, 23, 0));
  }
  Codec timestamp(WireType::kTimestamp, 0, {.kind = TypeKind::kTimestamp});
  for (uint64_t day = 0; day < 49710; ++day) {
    const uint64_t last = day * 86400 + 86399;
    for (uint64_t seconds : {last - 86399, last})
      timestamp.Check(Little(seconds, 4), InstantText(seconds));
  }
}

// At most so many bytes, as the server stores them, and the same as UTF-8.
std::pair<std::string, std::string> DrawText(std::string_view charset, size_t most, Draw& draw) {
  std::pair<std::string, std::string> text;
  const size_t wanted = draw.UpTo(most);
  for (;;) {
    uint64_t c = draw.Below(4) == 0 ? uint64_t{' '} : draw.Below(0x80);
    if (draw.Flip()) c = 0xa0 + draw.Below(charset == "latin1" ? 0x60 : 0xd760);
    const uint64_t last = 0x80 | (c & 0x3f);
    const uint64_t middle = 0x80 | ((c >> 6) & 0x3f);
    const std::string utf8 = c < 0x80    ? Big(c, 1)
                             : c < 0x800 ? Big((0xc0 | (c >> 6)) << 8 | last, 2)
                                         : Big((0xe0 | (c >> 12)) << 16 | middle << 8 | last, 3);
    const std::string stored = charset == "utf8mb4" ? utf8 : Big(c, charset == "latin1" ? 1 : 2);
    if (text.first.size() + stored.size() > wanted) return text;
    text.first += stored;
    text.second += utf8;
  }
}

TEST(BinlogCellsProperty, TextsOfEveryLength) {
  Draw draw(12);
  for (const char* charset : {"utf8mb4", "latin1", "utf16"}) {
    for (size_t limit : {0u, 1u, 4u, 255u, 256u, 511u, 512u, 767u, 768u, 1020u}) {
      const size_t width = limit > 255 ? 2 : 1;
      Codec varchar(WireType::kVarchar, limit, {.kind = TypeKind::kVarchar}, charset);
      Codec blank(WireType::kString, StringMeta(WireType::kString, limit),
                  {.kind = TypeKind::kChar}, charset);
      Codec text(WireType::kBlob, width, {.kind = TypeKind::kText}, charset);
      for (int i = 0; i < 100; ++i) {
        auto [stored, utf8] = DrawText(charset, limit, draw);
        const std::string bytes = Framed(stored, width);
        varchar.Check(bytes, utf8);
        text.Check(bytes, utf8);
        while (utf8.ends_with(' ')) utf8.pop_back();
        blank.Check(bytes, utf8);
      }
    }
  }
}

// The server cuts the zeros that BINARY is filled up with.
TEST(BinlogCellsProperty, BinaryOfEveryLength) {
  Draw draw(13);
  for (size_t length = 0; length <= 255; ++length) {
    Codec codec(WireType::kString, StringMeta(WireType::kString, length),
                {.kind = TypeKind::kBinary, .length = length});
    for (int i = 0; i < 12; ++i) {
      std::string value = draw.Bytes(draw.UpTo(length));
      while (value.ends_with('\0')) value.pop_back();
      const std::string bytes = Framed(value, 1);
      value.resize(length, '\0');
      codec.Check(bytes, value);
    }
  }
}

TEST(BinlogCellsProperty, BytesBehindTheirLength) {
  Draw draw(14);
  auto check = [&](Codec& codec, size_t width, size_t most) {
    for (size_t size : {0u, 1u, 255u, 256u, 65535u, 65536u, 70000u}) {
      if (size > most) continue;
      const std::string value = draw.Bytes(size);
      codec.Check(Framed(value, width), value);
    }
    for (int i = 0; i < 200; ++i) {
      const std::string value = draw.Bytes(draw.UpTo(std::min<size_t>(most, 1000)));
      codec.Check(Framed(value, width), value);
    }
  };
  for (WireType wire : {WireType::kVarchar, WireType::kVarString}) {
    for (size_t limit : {0u, 1u, 255u, 256u, 65535u}) {
      Codec codec(wire, limit, {.kind = TypeKind::kVarbinary});
      check(codec, limit > 255 ? 2 : 1, limit);
    }
  }
  // MariaDB's JSON is a text.
  using Column = std::pair<WireType, TypeKind>;
  for (const auto& [wire, kind] :
       {Column{WireType::kBlob, TypeKind::kBlob}, Column{WireType::kBlob, TypeKind::kJson},
        Column{WireType::kGeometry, TypeKind::kGeometry},
        Column{WireType::kVector, TypeKind::kBlob}}) {
    for (size_t width = 1; width <= 4; ++width) {
      Codec codec(wire, width, {.kind = kind}, "utf8mb4");
      check(codec, width, (size_t{1} << (8 * width)) - 1);
    }
  }
  const std::string large(1 << 24, 'x');  // the first size that needs the fourth byte
  Codec longblob(WireType::kBlob, 4, {.kind = TypeKind::kBlob});
  EXPECT_TRUE(longblob.Decode(Framed(large, 4)) == large);
}

// A JSON string: its type, its length in groups of seven bits, its characters.
TEST(BinlogCellsProperty, JsonBehindItsLength) {
  for (size_t width = 1; width <= 4; ++width) {
    Codec codec(WireType::kJson, width, {.kind = TypeKind::kJson});
    codec.Check(Framed("", width), "null");
    for (size_t size : {0u, 1u, 127u, 128u, 250u, 16383u, 16384u, 70000u}) {
      const std::string text(size, 'x');
      std::string document = "\x0c";
      size_t rest = size;
      for (; rest >= 0x80; rest >>= 7) document += Little(rest | 0x80, 1);
      document += Little(rest, 1) + text;
      if (document.size() >> (8 * width) != 0) break;
      codec.Check(Framed(document, width), fmt::format("\"{}\"", text));
      document.pop_back();
      codec.Refuse(Framed(document, width));
    }
  }
}

}  // namespace
}  // namespace godwit::mysql
