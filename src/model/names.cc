// SPDX-License-Identifier: Apache-2.0
#include "model/names.h"

#include <locale.h>
#include <wctype.h>

#include <algorithm>

namespace godwit {
namespace {

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// A letter of two or three bytes at `at`, and its length; 0: none. Names have none of four.
struct Letter {
  char32_t code = 0;
  size_t bytes = 0;
};
Letter LetterAt(std::string_view text, size_t at) {
  auto byte = [&](size_t i) -> char32_t {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0;
  };
  auto is_next = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  if ((byte(0) & 0xE0) == 0xC0 && is_next(1)) return {(byte(0) & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if ((byte(0) & 0xF0) == 0xE0 && is_next(1) && is_next(2)) {
    return {(byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  }
  return {};
}

void Append(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

// Of the C library's Unicode tables. Where the system lacks the locale (Debian's libc-bin has it),
// letters beyond ASCII stay as they are.
char32_t ToLower(char32_t code) {
  static const locale_t kUnicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (kUnicode == nullptr) return code;
  return static_cast<char32_t>(towlower_l(static_cast<wint_t>(code), kUnicode));
}

}  // namespace

std::string FoldedName(std::string_view name) {
  std::string folded;
  folded.reserve(name.size());
  for (size_t i = 0; i < name.size();) {
    const Letter letter = LetterAt(name, i);
    if (letter.bytes == 0) {
      folded += FoldAscii(name[i++]);
    } else {
      Append(folded, ToLower(letter.code));
      i += letter.bytes;
    }
  }
  return folded;
}

bool EqualNames(std::string_view a, std::string_view b) {
  if (!IsAscii(a) || !IsAscii(b)) return FoldedName(a) == FoldedName(b);
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return FoldAscii(x) == FoldAscii(y); });
}

}  // namespace godwit
