// SPDX-License-Identifier: Apache-2.0
#include "test/live/random_values.h"

#include <fmt/format.h>

#include <bit>
#include <cctype>
#include <cmath>
#include <map>
#include <string_view>

namespace godwit::live {
namespace {

using mysql::Draw;

struct Letters {
  uint32_t first;
  uint32_t last;
};

constexpr Letters kBelowSurrogates{0x80, 0xd7ff};
constexpr Letters kAboveSurrogates{0xe000, 0xffff};
constexpr Letters kSupplementary{0x10000, 0x10ffff};

// Letters beyond ASCII that are in a set by its standard; among them those of two bytes whose
// second is a backslash.
const std::map<std::string, std::vector<Letters>>& LettersOfSets() {
  static const std::map<std::string, std::vector<Letters>> sets = {
      {"utf8mb4", {kBelowSurrogates, kAboveSurrogates, kSupplementary}},
      {"utf8", {kBelowSurrogates, kAboveSurrogates}},
      {"ucs2", {kBelowSurrogates, kAboveSurrogates}},
      {"utf16", {kBelowSurrogates, kAboveSurrogates, kSupplementary}},
      {"utf32", {kBelowSurrogates, kAboveSurrogates, kSupplementary}},
      {"latin1", {{0xa0, 0xff}, {0x20ac, 0x20ac}, {0x2018, 0x2019}, {0x81, 0x81}, {0x9d, 0x9d}}},
      {"cp1251", {{0x410, 0x44f}, {0x401, 0x401}, {0x2116, 0x2116}}},
      {"koi8r", {{0x410, 0x44f}, {0x2550, 0x2551}}},
      {"gbk", {{0x4e00, 0x9fa5}, {0x8aa0, 0x8aa0}}},
      {"gb18030", {{0x4e00, 0x9fa5}, {0x10000, 0x1ffff}, {0x410, 0x44f}, {0x600, 0x6ff}}},
      {"sjis", {{0x3041, 0x3093}, {0x30a1, 0x30f6}, {0xff61, 0xff9f}, {0x8868, 0x8868}}},
      {"big5", {{0x4e00, 0x4e01}, {0x4e03, 0x4e03}, {0x529f, 0x529f}, {0x8a31, 0x8a31}}},
      {"euckr", {{0xac00, 0xac01}, {0xac04, 0xac04}, {0x3041, 0x3093}}},
      {"ujis", {{0x3041, 0x3093}, {0x30a1, 0x30f6}, {0xff61, 0xff9f}, {0x4e02, 0x4e02}}},
  };
  return sets;
}

std::string Utf8(uint32_t code) {
  auto tail = [&](int shift) { return static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
  auto head = [&](uint32_t mark, int shift) { return static_cast<char>(mark | (code >> shift)); };
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {head(0xc0, 6), tail(0)};
  if (code < 0x10000) return {head(0xe0, 12), tail(6), tail(0)};
  return {head(0xf0, 18), tail(12), tail(6), tail(0)};
}

std::string DrawLetter(const std::string& charset, Draw& draw) {
  // What statements, patterns and conversions are sensitive to.
  static constexpr std::string_view kOdd{" '\"\\\0\n\r\t\x1a%_`;?,:N", 17};
  switch (draw.Below(4)) {
    case 0:
      return {kOdd[draw.Below(kOdd.size())]};
    case 1:
      return {static_cast<char>(draw.Below(0x80))};
    default:
      const auto& sets = LettersOfSets().at(charset);
      const Letters& letters = sets[draw.Below(sets.size())];
      return Utf8(letters.first +
                  static_cast<uint32_t>(draw.Below(letters.last - letters.first + 1)));
  }
}

std::vector<std::string> LettersOf(const std::string& text) {
  std::vector<std::string> out;
  for (char c : text) {
    if ((c & 0xc0) != 0x80) out.emplace_back();
    out.back() += c;
  }
  return out;
}

std::string JsonString(Draw& draw) {
  std::string out = "\"";
  for (const std::string& letter : LettersOf(DrawText("utf8mb4", 12, draw))) {
    if (letter == "\"" || letter == "\\") {
      out += "\\" + letter;
    } else if (letter.size() == 1 && (letter[0] < ' ' || letter[0] == 0x7f)) {
      out += fmt::format("\\u{:04x}", static_cast<int>(letter[0]));
    } else {
      out += letter;
    }
  }
  return out + '"';
}

std::string JsonNumber(Draw& draw) {
  switch (draw.Below(4)) {
    case 0:
      return mysql::SignedText(mysql::DrawInteger(64, draw), 64);
    case 1:
      return fmt::format("{}", mysql::DrawInteger(64, draw));
    case 2:
      return fmt::format("{}", static_cast<int64_t>(draw.Below(2000)) - 1000);
    default:
      double value = std::bit_cast<double>(draw.Bits());
      if (!std::isfinite(value) || draw.Flip())
        value = static_cast<double>(draw.Below(100000)) / 64;
      std::string text = fmt::format("{}", value);
      if (text.find_first_of(".e") == std::string::npos) text += ".0";
      return text;
  }
}

// Scalars are as likely as what holds others, so that most documents stay small.
std::string JsonValue(int depth, Draw& draw) {
  const uint64_t kind = draw.Below(depth == 0 ? 5 : 10);
  if (kind == 0) return draw.Flip() ? "true" : "false";
  if (kind == 1) return "null";
  if (kind < 4) return JsonNumber(draw);
  if (kind == 4) return JsonString(draw);
  const bool is_object = draw.Flip();
  std::map<std::string, bool> keys;
  std::string out;
  for (uint64_t i = draw.UpTo(4); i > 0; --i) {
    std::string key;
    if (is_object) {
      key = JsonString(draw);
      if (!keys.emplace(key, true).second) continue;  // which of two stays is each server's own
      key += draw.Flip() ? ":" : " : ";
    }
    if (!out.empty()) out += draw.Flip() ? "," : " , ";
    out += key + JsonValue(depth - 1, draw);
  }
  return is_object ? "{" + out + "}" : "[" + out + "]";
}

constexpr uint32_t kWgs84 = 4326;

std::string DrawPoint(Draw& draw) {
  std::string out;
  for (int axis = 0; axis < 2; ++axis) {
    const double value = (static_cast<double>(draw.UpTo(16'000'000)) - 8e6) / 1e5;
    out += mysql::Little(std::bit_cast<uint64_t>(value), 8);
  }
  return out;
}

// Of `count` points; a ring ends where it begins.
std::string Points(uint64_t count, bool is_ring, Draw& draw) {
  const std::string first = DrawPoint(draw);
  std::string out = first;
  for (uint64_t i = 2; i < count; ++i) out += DrawPoint(draw);
  out += is_ring ? first : DrawPoint(draw);
  return mysql::Little(count, 4) + out;
}

// Well-known binary: 1 for little-endian, the kind, what belongs to it.
std::string Shape(uint64_t kind, Draw& draw) {
  std::string out = mysql::Little(1, 1) + mysql::Little(kind, 4);
  const uint64_t count = 1 + draw.Below(3);
  switch (kind) {
    case 1:
      return out + DrawPoint(draw);
    case 2:
      return out + Points(2 + draw.Below(5), false, draw);
    case 3:
      return out + mysql::Little(1, 4) + Points(4 + draw.Below(3), true, draw);
    default:  // of points, lines, polygons, anything
      out += mysql::Little(count, 4);
      for (uint64_t i = 0; i < count; ++i) {
        out += Shape(kind == 7 ? 1 + draw.Below(6) : kind - 3, draw);
      }
      return out;
  }
}

}  // namespace

std::vector<std::string> OtherCharsets() {
  std::vector<std::string> out;
  for (const auto& [name, letters] : LettersOfSets()) {
    if (name != "utf8mb4") out.push_back(name);
  }
  return out;
}

std::string DrawText(const std::string& charset, size_t most, Draw& draw) {
  std::string text;
  for (uint64_t count = draw.UpTo(most); count > 0; --count) text += DrawLetter(charset, draw);
  return text;
}

std::string NudgeText(const std::string& charset, const std::string& text, size_t most,
                      Draw& draw) {
  std::vector<std::string> letters = LettersOf(text);
  const uint64_t change = draw.Below(4);
  if (change == 0 && letters.size() < most) return text + ' ';
  if (letters.empty()) return DrawLetter(charset, draw);
  std::string& letter = letters[draw.Below(letters.size())];
  if (change == 1) {
    letters.pop_back();
  } else if (change == 2 && std::isalpha(static_cast<unsigned char>(letter[0])) != 0) {
    letter[0] ^= 0x20;  // the other case
  } else {
    letter = DrawLetter(charset, draw);
  }
  std::string out;
  for (const std::string& part : letters) out += part;
  return out;
}

// MariaDB takes 32 levels at most.
std::string DrawJson(Draw& draw) {
  if (draw.Below(8) != 0) return JsonValue(4, draw);
  const uint64_t levels = draw.UpTo(24);
  std::string out = JsonValue(3, draw);
  for (uint64_t i = 0; i < levels; ++i) out = draw.Flip() ? "[" + out + "]" : "{\"k\":" + out + "}";
  return out;
}

std::string DrawGeometry(bool has_srids, Draw& draw) {
  return mysql::Little(!has_srids || draw.Flip() ? 0 : kWgs84, 4) + Shape(1 + draw.Below(7), draw);
}

std::string DrawVector(Draw& draw) {
  std::string out;
  for (int i = 0; i < 5; ++i) {
    const float value = static_cast<float>(draw.UpTo(2000)) / 64 - 10;
    out += mysql::Little(std::bit_cast<uint32_t>(value), 4);
  }
  return out;
}

}  // namespace godwit::live
