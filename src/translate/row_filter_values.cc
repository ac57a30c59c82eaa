// SPDX-License-Identifier: Apache-2.0
#include "translate/row_filter_values.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

namespace godwit::filter {
namespace {

constexpr uint32_t kInvalidByte =
    0x110000;  // beyond Unicode: bytes that are no UTF-8 differ from all

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// One code point from `at` on; a byte that is no UTF-8 stands for itself.
uint32_t TakeUtf8(std::string_view text, size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  size_t more = lead < 0x80   ? 0
                : lead < 0xc2 ? 9
                : lead < 0xe0 ? 1
                : lead < 0xf0 ? 2
                : lead < 0xf5 ? 3
                              : 9;
  if (more == 9 || at + more >= text.size()) {
    ++at;
    return lead < 0x80 ? lead : kInvalidByte + lead;
  }
  uint32_t code = more == 0 ? lead : lead & (0x3f >> more);
  for (size_t i = 1; i <= more; ++i) {
    const auto byte = static_cast<unsigned char>(text[at + i]);
    if ((byte & 0xc0) != 0x80) {
      ++at;
      return kInvalidByte + lead;
    }
    code = code << 6 | (byte & 0x3f);
  }
  at += more + 1;
  return code;
}

// Simple case folding of the scripts that have case and are in everyday use: Latin with its
// supplements, Greek, Cyrillic, full-width Latin.
uint32_t Fold(uint32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  if (c >= 0xc0 && c <= 0xde) return c == 0xd7 ? c : c + 32;
  if ((c >= 0x100 && c <= 0x137 && c != 0x130 && c != 0x131) || (c >= 0x14a && c <= 0x177))
    return c | 1;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e)) return c + (c & 1);
  if (c == 0x178) return 0xff;
  if (c >= 0x391 && c <= 0x3ab) return c == 0x3a2 ? c : c + 32;
  if (c == 0x3c2) return 0x3c3;
  if (c >= 0x400 && c <= 0x40f) return c + 80;
  if (c >= 0x410 && c <= 0x42f) return c + 32;
  if (c >= 0x460 && c <= 0x481) return c | 1;
  if (c >= 0xff21 && c <= 0xff3a) return c + 32;
  return c;
}

struct DecimalParts {
  bool is_negative = false;
  std::string_view whole;     // without leading zeros
  std::string_view fraction;  // without trailing zeros
};

DecimalParts Split(std::string_view text) {
  DecimalParts parts;
  if (text.starts_with('-')) {
    parts.is_negative = true;
    text.remove_prefix(1);
  }
  size_t dot = text.find('.');
  parts.whole = text.substr(0, dot);
  if (dot != std::string_view::npos) parts.fraction = text.substr(dot + 1);
  while (parts.whole.starts_with('0')) parts.whole.remove_prefix(1);
  while (parts.fraction.ends_with('0')) parts.fraction.remove_suffix(1);
  if (parts.whole.empty() && parts.fraction.empty()) parts.is_negative = false;
  return parts;
}

int Sign(int n) { return n < 0 ? -1 : n > 0 ? 1 : 0; }

// Reads exactly or at most `digits` digits.
bool TakeNumber(std::string_view& text, size_t min_digits, size_t max_digits, int64_t& out) {
  size_t n = 0;
  out = 0;
  while (n < text.size() && n < max_digits && IsDigit(text[n])) out = out * 10 + (text[n++] - '0');
  text.remove_prefix(n);
  return n >= min_digits;
}

bool TakeChar(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// "mm[:ss[.f]]" behind the hours, to the text's end.
std::optional<int64_t> RestOfTime(std::string_view text, int64_t hours) {
  int64_t minutes = 0;
  int64_t seconds = 0;
  int64_t micros = 0;
  if (!TakeNumber(text, 2, 2, minutes) || minutes > 59) return {};
  if (TakeChar(text, ':')) {
    if (!TakeNumber(text, 2, 2, seconds) || seconds > 59) return {};
    if (TakeChar(text, '.')) {
      size_t before = text.size();
      if (!TakeNumber(text, 1, 6, micros)) return {};
      for (size_t digits = before - text.size(); digits < 6; ++digits) micros *= 10;
    }
  }
  if (!text.empty()) return {};
  return ((hours * 60 + minutes) * 60 + seconds) * 1'000'000 + micros;
}

}  // namespace

Family FamilyOf(const LogicalType& type) {
  switch (type.kind) {
    case TypeKind::kInteger:
    case TypeKind::kDecimal:
    case TypeKind::kBit:
      return Family::kExact;
    case TypeKind::kFloat:
      return Family::kDouble;
    case TypeKind::kChar:
    case TypeKind::kVarchar:
    case TypeKind::kText:
    case TypeKind::kEnum:
    case TypeKind::kSet:
      return Family::kText;
    case TypeKind::kBinary:
    case TypeKind::kVarbinary:
    case TypeKind::kBlob:
      return Family::kBytes;
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kDatetime:
    case TypeKind::kTimestamp:
      return Family::kTime;
    default:
      return Family::kOpaque;
  }
}

TextRule TextRuleOf(const ColumnSchema& column) {
  std::string_view collation = column.collation;
  auto has = [&](std::string_view part) { return collation.find(part) != std::string_view::npos; };
  const bool is_bytewise =
      collation.empty() || collation == "binary" || collation.ends_with("_bin");
  const bool is_sensitive = is_bytewise || collation.ends_with("_cs");
  const bool is_label = column.type.kind == TypeKind::kEnum || column.type.kind == TypeKind::kSet;
  TextRule rule;
  rule.folds_case = !is_sensitive;
  rule.pads_blanks = !(collation.empty() || collation == "binary" || has("_0900_") ||
                       has("_nopad_") || has("uca1400"));
  rule.has_order = is_bytewise && !is_label;
  return rule;
}

int CompareDecimals(std::string_view a, std::string_view b) {
  const DecimalParts x = Split(a);
  const DecimalParts y = Split(b);
  if (x.is_negative != y.is_negative) return x.is_negative ? -1 : 1;
  int order = 0;
  if (x.whole.size() != y.whole.size()) {
    order = x.whole.size() < y.whole.size() ? -1 : 1;
  } else {
    order = Sign(x.whole.compare(y.whole));
    if (order == 0) order = Sign(x.fraction.compare(y.fraction));
  }
  return x.is_negative ? -order : order;
}

std::optional<std::string> ToDecimal(std::string_view written) {
  constexpr int64_t kMaxExponent = 400;
  std::string sign;
  if (written.starts_with('-')) sign = "-";
  if (written.starts_with('-') || written.starts_with('+')) written.remove_prefix(1);
  std::string digits;
  int64_t point = -1;
  size_t i = 0;
  for (; i < written.size(); ++i) {
    if (IsDigit(written[i])) {
      digits.push_back(written[i]);
    } else if (written[i] == '.' && point < 0) {
      point = static_cast<int64_t>(digits.size());
    } else {
      break;
    }
  }
  if (digits.empty()) return {};
  if (point < 0) point = static_cast<int64_t>(digits.size());
  if (i < written.size()) {
    if (written[i] != 'e' && written[i] != 'E') return {};
    std::string_view rest = written.substr(i + 1);
    if (rest.starts_with('+')) rest.remove_prefix(1);
    int64_t exponent = 0;
    auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), exponent);
    if (error != std::errc() || end != rest.data() + rest.size()) return {};
    if (exponent > kMaxExponent || exponent < -kMaxExponent) return {};
    point += exponent;
  }
  if (point < 0) {
    digits.insert(0, static_cast<size_t>(-point), '0');
    point = 0;
  }
  if (static_cast<size_t>(point) > digits.size()) digits.resize(static_cast<size_t>(point), '0');
  std::string out = sign + digits.substr(0, static_cast<size_t>(point));
  if (static_cast<size_t>(point) < digits.size())
    out += "." + digits.substr(static_cast<size_t>(point));
  return out;
}

double ToDouble(std::string_view text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range && !Split(text).whole.empty()) {
    value = std::numeric_limits<double>::infinity();
    if (text.starts_with('-')) value = -value;
  }
  return value;
}

std::optional<int64_t> ParseMoment(std::string_view text) {
  constexpr int64_t kDayMicros = int64_t{86'400} * 1'000'000;
  int64_t year = 0;
  int64_t month = 0;
  int64_t day = 0;
  if (!TakeNumber(text, 4, 4, year) || !TakeChar(text, '-')) return {};
  if (!TakeNumber(text, 2, 2, month) || month > 12 || !TakeChar(text, '-')) return {};
  if (!TakeNumber(text, 2, 2, day) || day > 31) return {};
  const int64_t date = ((year * 13 + month) * 32 + day) * kDayMicros;
  if (text.empty()) return date;
  if (!TakeChar(text, ' ') && !TakeChar(text, 'T')) return {};
  int64_t hours = 0;
  if (!TakeNumber(text, 2, 2, hours) || hours > 23 || !TakeChar(text, ':')) return {};
  std::optional<int64_t> time = RestOfTime(text, hours);
  if (!time) return {};
  return date + *time;
}

std::optional<int64_t> ParseTime(std::string_view text) {
  const bool is_negative = TakeChar(text, '-');
  int64_t hours = 0;
  if (!TakeNumber(text, 1, 3, hours) || hours > 838 || !TakeChar(text, ':')) return {};
  std::optional<int64_t> time = RestOfTime(text, hours);
  if (!time) return {};
  return is_negative ? -*time : *time;
}

int CompareText(std::string_view a, std::string_view b, const TextRule& rule) {
  size_t i = 0;
  size_t j = 0;
  if (!rule.folds_case) {
    const size_t common = std::min(a.size(), b.size());
    const int order = common == 0 ? 0 : std::memcmp(a.data(), b.data(), common);
    if (order != 0) return Sign(order);
    i = j = common;
  } else {
    while (i < a.size() && j < b.size()) {
      const uint32_t x = Fold(TakeUtf8(a, i));
      const uint32_t y = Fold(TakeUtf8(b, j));
      if (x != y) return x < y ? -1 : 1;
    }
  }
  if (!rule.pads_blanks) return i < a.size() ? 1 : j < b.size() ? -1 : 0;
  // The shorter is compared as if blanks followed it.
  for (; i < a.size(); ++i) {
    if (a[i] != ' ') return static_cast<unsigned char>(a[i]) < ' ' ? -1 : 1;
  }
  for (; j < b.size(); ++j) {
    if (b[j] != ' ') return static_cast<unsigned char>(b[j]) < ' ' ? 1 : -1;
  }
  return 0;
}

LikePattern::LikePattern(std::string_view pattern, char escape, TextRule rule, Family family)
    : folds_case_(rule.folds_case && family == Family::kText), is_bytes_(family == Family::kBytes) {
  for (size_t at = 0; at < pattern.size();) {
    const char c = pattern[at];
    if (escape != '\0' && c == escape && at + 1 < pattern.size()) {
      ++at;
      units_.push_back({Unit::Kind::kCharacter, Take(pattern, at)});
    } else if (c == '%') {
      ++at;
      if (units_.empty() || units_.back().kind != Unit::Kind::kAny)
        units_.push_back({Unit::Kind::kAny});
    } else if (c == '_') {
      ++at;
      units_.push_back({Unit::Kind::kOne});
    } else {
      units_.push_back({Unit::Kind::kCharacter, Take(pattern, at)});
    }
  }
}

uint32_t LikePattern::Take(std::string_view text, size_t& at) const {
  if (is_bytes_) return static_cast<unsigned char>(text[at++]);
  const uint32_t code = TakeUtf8(text, at);
  return folds_case_ ? Fold(code) : code;
}

// Goes back only to the last '%': whatever an earlier one could have matched, the later one can
// match as well.
bool LikePattern::Matches(std::string_view text) const {
  size_t at = 0;
  size_t unit = 0;
  size_t any_unit = units_.size();
  size_t any_at = 0;
  while (at < text.size()) {
    if (unit < units_.size() && units_[unit].kind == Unit::Kind::kAny) {
      any_unit = unit++;
      any_at = at;
      continue;
    }
    size_t next = at;
    const uint32_t code = Take(text, next);
    if (unit < units_.size() &&
        (units_[unit].kind == Unit::Kind::kOne || units_[unit].character == code)) {
      ++unit;
      at = next;
      continue;
    }
    if (any_unit == units_.size()) return false;
    unit = any_unit + 1;
    Take(text, any_at);
    at = any_at;
  }
  while (unit < units_.size() && units_[unit].kind == Unit::Kind::kAny) ++unit;
  return unit == units_.size();
}

}  // namespace godwit::filter
