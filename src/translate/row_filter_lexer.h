// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace godwit::filter {

struct Token {
  enum class Kind { kWord, kQuotedName, kString, kNumber, kHex, kSymbol, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;   // unquoted and unescaped; a word in upper case; hex digits decoded to bytes
  std::string shown;  // as written, for messages; a column's name where it is a word
  size_t at = 0;      // offset in the filter

  bool Is(std::string_view symbol_or_word) const {
    return (kind == Kind::kSymbol || kind == Kind::kWord) && text == symbol_or_word;
  }
};

// The filter's tokens, the last of kind kEnd. Throws FILTER_INVALID.
std::vector<Token> Tokenize(std::string_view where);

// Throws FILTER_INVALID: `problem` at offset `at` of the filter.
[[noreturn]] void FailAt(size_t at, std::string_view problem);

}  // namespace godwit::filter
