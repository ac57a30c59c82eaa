// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::mysql {

struct Token {
  enum class Kind { kWord, kQuoted, kString, kNumber, kSymbol, kVariable, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;  // a quoted name or string without its quotes, escapes resolved
  size_t begin = 0;  // where it stands in the statement
  size_t end = 0;

  // A bare keyword, without regard to case.
  bool Is(std::string_view word) const;
  bool IsSymbol(char c) const { return kind == Kind::kSymbol && text.size() == 1 && text[0] == c; }
  bool IsName() const { return kind == Kind::kWord || kind == Kind::kQuoted; }
};

struct LexMode {
  bool ansi_quotes = false;
  bool no_backslash_escapes = false;
  bool real_as_float = false;
  bool pipes_as_concat = false;
  bool high_not_precedence = false;
  // Which versioned comments count as text: /*!NNNNN up to this version, /*M! on MariaDB only.
  int version = 999999;
  bool is_mariadb = false;

  // `sql_mode` as names, or as the number a binlog event carries.
  static LexMode FromSqlMode(std::string_view sql_mode);
};

// Splits a statement of MySQL's SQL into tokens. Comments are left out; the inside of /*! and /*M!
// comments is kept where the server would run it. Never fails: what it does not know is a symbol,
// an unclosed string ends with the statement.
std::vector<Token> Tokenize(std::string_view sql, LexMode mode);

}  // namespace godwit::mysql
