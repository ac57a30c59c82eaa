// SPDX-License-Identifier: Apache-2.0
#include "model/json_normal_form.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace godwit {
namespace {

constexpr int kMaxDepth = 512;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

void AppendUtf8(std::string& out, uint32_t code) {
  auto tail = [&](int shift) { out.push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3f))); };
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xc0 | code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | code >> 12));
    tail(6);
    tail(0);
  } else {
    out.push_back(static_cast<char>(0xf0 | code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

void AppendEscaped(std::string& out, uint32_t code) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out.push_back(kHex[(code >> shift) & 15]);
}

// The number `digits` × 10^`exponent`, digits without outer zeros: plain where that is short.
void AppendExact(std::string& out, std::string_view digits, int64_t exponent) {
  if (digits.empty()) {
    out += "0.0";
    return;
  }
  const int64_t size = static_cast<int64_t>(digits.size());
  const int64_t point = size + exponent;  // digits before the decimal point
  if (point > 21 || point < -6) {
    out.push_back(digits[0]);
    out.push_back('.');
    out += size > 1 ? digits.substr(1) : "0";
    out += "e" + std::to_string(point - 1);
  } else if (point <= 0) {
    out += "0.";
    out.append(static_cast<size_t>(-point), '0');
    out += digits;
  } else {
    out += digits.substr(0, static_cast<size_t>(std::min(point, size)));
    if (point > size) out.append(static_cast<size_t>(point - size), '0');
    out.push_back('.');
    out += point < size ? digits.substr(static_cast<size_t>(point)) : "0";
  }
}

// Recursive descent; every method returns false where the text is not JSON.
class Normalizer {
 public:
  explicit Normalizer(std::string_view text) : text_(text) {}

  bool Document(std::string& out) {
    if (!Value(out, 0)) return false;
    SkipBlanks();
    return at_ == text_.size();
  }

 private:
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Accept(char c) {
    if (Peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  void SkipBlanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  bool Value(std::string& out, int depth) {
    if (depth > kMaxDepth) return false;
    SkipBlanks();
    switch (Peek()) {
      case '{':
        return Object(out, depth);
      case '[':
        return Array(out, depth);
      case '"':
        return String(out);
      case 't':
        return Word("true", out);
      case 'f':
        return Word("false", out);
      case 'n':
        return Word("null", out);
      default:
        return Number(out);
    }
  }

  bool Word(std::string_view word, std::string& out) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    out += word;
    return true;
  }

  bool Array(std::string& out, int depth) {
    ++at_;
    out.push_back('[');
    SkipBlanks();
    if (!Accept(']')) {
      for (;;) {
        if (!Value(out, depth + 1)) return false;
        SkipBlanks();
        if (Accept(']')) break;
        if (!Accept(',')) return false;
        out.push_back(',');
      }
    }
    out.push_back(']');
    return true;
  }

  bool Object(std::string& out, int depth) {
    ++at_;
    std::vector<std::pair<std::string, std::string>> members;
    SkipBlanks();
    if (!Accept('}')) {
      for (;;) {
        auto& [key, value] = members.emplace_back();
        SkipBlanks();
        if (Peek() != '"' || !String(key)) return false;
        SkipBlanks();
        if (!Accept(':') || !Value(value, depth + 1)) return false;
        SkipBlanks();
        if (Accept('}')) break;
        if (!Accept(',')) return false;
      }
    }
    std::stable_sort(members.begin(), members.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    out.push_back('{');
    bool is_first = true;
    for (size_t i = 0; i < members.size(); ++i) {
      if (i + 1 < members.size() && members[i + 1].first == members[i].first) continue;
      if (!std::exchange(is_first, false)) out.push_back(',');
      out += members[i].first;
      out.push_back(':');
      out += members[i].second;
    }
    out.push_back('}');
    return true;
  }

  // Four hexadecimal digits, -1 if they are not.
  int64_t Hex4() {
    if (text_.size() - at_ < 4) return -1;
    uint32_t code = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = text_[at_ + i];
      const uint32_t digit = IsDigit(c)             ? c - '0'
                             : c >= 'a' && c <= 'f' ? c - 'a' + 10
                             : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                    : 16;
      if (digit == 16) return -1;
      code = code << 4 | digit;
    }
    at_ += 4;
    return code;
  }

  void AppendCode(std::string& out, uint32_t code) {
    if (code == '"' || code == '\\') {
      out.push_back('\\');
      out.push_back(static_cast<char>(code));
    } else if (code < 0x20 || (code >= 0xd800 && code < 0xe000)) {
      AppendEscaped(out, code);  // control characters, and half surrogate pairs
    } else {
      AppendUtf8(out, code);
    }
  }

  bool Unicode(std::string& out) {
    const int64_t code = Hex4();
    if (code < 0) return false;
    const bool is_high = code >= 0xd800 && code < 0xdc00;
    if (is_high && text_.substr(at_, 2) == "\\u") {
      const size_t before = at_;
      at_ += 2;
      const int64_t low = Hex4();
      if (low >= 0xdc00 && low < 0xe000) {
        AppendCode(out, static_cast<uint32_t>(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)));
        return true;
      }
      at_ = before;
    }
    AppendCode(out, static_cast<uint32_t>(code));
    return true;
  }

  bool Escape(std::string& out) {
    if (at_ == text_.size()) return false;
    static constexpr std::string_view kFrom = "\"\\/bfnrt";
    static constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    const char c = text_[at_++];
    if (c == 'u') return Unicode(out);
    const size_t which = kFrom.find(c);
    if (which == std::string_view::npos) return false;
    AppendCode(out, static_cast<uint8_t>(kTo[which]));
    return true;
  }

  bool String(std::string& out) {
    ++at_;
    out.push_back('"');
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') {
        out.push_back('"');
        return true;
      }
      if (c == '\\') {
        if (!Escape(out)) return false;
      } else if (static_cast<uint8_t>(c) < 0x20) {
        return false;
      } else {
        out.push_back(c);
      }
    }
    return false;
  }

  std::string_view Digits() {
    const size_t begin = at_;
    while (IsDigit(Peek())) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  bool Number(std::string& out) {
    const bool is_negative = Accept('-');
    const std::string_view whole = Digits();
    if (whole.empty() || (whole.size() > 1 && whole[0] == '0')) return false;
    std::string_view fraction;
    std::string_view exponent;
    bool is_integer = true;
    bool is_exponent_negative = false;
    if (Accept('.')) {
      is_integer = false;
      fraction = Digits();
      if (fraction.empty()) return false;
    }
    if (Peek() == 'e' || Peek() == 'E') {
      ++at_;
      is_integer = false;
      is_exponent_negative = Accept('-');
      if (!is_exponent_negative) Accept('+');
      exponent = Digits();
      if (exponent.empty()) return false;
    }
    if (is_integer) {
      if (is_negative && whole != "0") out.push_back('-');
      out += whole;
      return true;
    }
    if (exponent.size() > 9) return false;  // beyond every number type
    int64_t power = 0;
    for (char c : exponent) power = power * 10 + (c - '0');
    if (is_exponent_negative) power = -power;
    std::string digits(whole);
    digits += fraction;
    power -= static_cast<int64_t>(fraction.size());
    while (digits.ends_with('0')) {
      digits.pop_back();
      ++power;
    }
    const size_t first = digits.find_first_not_of('0');
    if (is_negative) out.push_back('-');
    AppendExact(out, first == std::string::npos ? "" : std::string_view(digits).substr(first),
                power);
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::optional<std::string> JsonNormalForm(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  if (!Normalizer(text).Document(out)) return {};
  return out;
}

}  // namespace godwit
