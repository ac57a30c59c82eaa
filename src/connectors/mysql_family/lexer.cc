// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/lexer.h"

#include <strings.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace godwit::mysql {
namespace {

bool IsWordStart(unsigned char c) { return std::isalpha(c) || c == '_' || c == '$' || c >= 0x80; }
bool IsWordPart(unsigned char c) { return IsWordStart(c) || std::isdigit(c); }

bool HasMode(std::string_view sql_mode, std::string_view name) {
  while (!sql_mode.empty()) {
    const size_t length = std::min(sql_mode.find(','), sql_mode.size());
    if (length == name.size() && strncasecmp(sql_mode.data(), name.data(), length) == 0) {
      return true;
    }
    sql_mode.remove_prefix(std::min(length + 1, sql_mode.size()));
  }
  return false;
}

class Lexer {
 public:
  Lexer(std::string_view sql, LexMode mode) : sql_(sql), mode_(mode) {}

  std::vector<Token> Run() {
    while (SkipBlank()) Next();
    tokens_.push_back({Token::Kind::kEnd, "", sql_.size(), sql_.size()});
    return std::move(tokens_);
  }

 private:
  char Peek(size_t n = 0) const { return at_ + n < sql_.size() ? sql_[at_ + n] : '\0'; }

  // Blanks, comments, and the frame of versioned comments. False at the end.
  bool SkipBlank() {
    for (;;) {
      if (at_ >= sql_.size()) return false;
      if (std::isspace(static_cast<unsigned char>(Peek()))) {
        ++at_;
      } else if (Peek() == '#' ||
                 (Peek() == '-' && Peek(1) == '-' &&
                  (at_ + 2 >= sql_.size() || std::isspace(static_cast<unsigned char>(Peek(2)))))) {
        size_t end = sql_.find('\n', at_);
        at_ = end == std::string_view::npos ? sql_.size() : end + 1;
      } else if (Peek() == '/' && Peek(1) == '*' &&
                 (Peek(2) == '!' || (Peek(2) == 'M' && Peek(3) == '!'))) {
        EnterVersioned();
      } else if (Peek() == '/' && Peek(1) == '*') {
        size_t end = sql_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? sql_.size() : end + 2;
      } else if (versioned_ > 0 && Peek() == '*' && Peek(1) == '/') {
        at_ += 2;
        --versioned_;
      } else {
        return true;
      }
    }
  }

  // MySQL runs /*!NNNNN for its version and above; MariaDB also /*M!, and leaves MySQL's own from
  // 5.7 on to MySQL (its manual, "Comment Syntax").
  void EnterVersioned() {
    const bool is_marked = Peek(2) == 'M';
    at_ += is_marked ? 4 : 3;
    int number = 0;
    for (int digits = 0; digits < 6 && std::isdigit(static_cast<unsigned char>(Peek())); ++digits) {
      number = number * 10 + (Peek() - '0');
      ++at_;
    }
    bool runs = number <= mode_.version;
    if (is_marked) runs = runs && mode_.is_mariadb;
    if (!is_marked && mode_.is_mariadb && number >= 50700 && number <= 99999) runs = false;
    if (runs) {
      ++versioned_;
      return;
    }
    size_t end = sql_.find("*/", at_);
    at_ = end == std::string_view::npos ? sql_.size() : end + 2;
  }

  void Next() {
    const size_t begin = at_;
    const unsigned char c = Peek();
    if (c == '.' && IsBehindName() && IsWordPart(Peek(1))) {
      ++at_;
      tokens_.push_back({Token::Kind::kSymbol, Text(begin), begin, at_});
      const size_t name = at_;
      while (at_ < sql_.size() && IsWordPart(Peek())) ++at_;
      tokens_.push_back({Token::Kind::kWord, Text(name), name, at_});
    } else if (c == '`') {
      tokens_.push_back({Token::Kind::kQuoted, Quoted('`', false), begin, at_});
    } else if (c == '"' && mode_.ansi_quotes) {
      tokens_.push_back({Token::Kind::kQuoted, Quoted('"', false), begin, at_});
    } else if (c == '\'' || c == '"') {
      tokens_.push_back({Token::Kind::kString, Quoted(c, !mode_.no_backslash_escapes), begin, at_});
    } else if (std::isdigit(c) || (c == '.' && std::isdigit(static_cast<unsigned char>(Peek(1))))) {
      Number(begin);
    } else if (c == '@') {
      while (Peek() == '@') ++at_;
      if (Peek() == '`') Quoted('`', false);
      while (IsWordPart(Peek()) || Peek() == '.') ++at_;
      tokens_.push_back({Token::Kind::kVariable, Text(begin), begin, at_});
    } else if (IsWordStart(c)) {
      while (at_ < sql_.size() && IsWordPart(Peek())) ++at_;
      tokens_.push_back({Token::Kind::kWord, Text(begin), begin, at_});
    } else {
      ++at_;
      tokens_.push_back({Token::Kind::kSymbol, Text(begin), begin, at_});
    }
  }

  // A name behind another one may begin with a digit, db.2024_orders, or be digits alone.
  bool IsBehindName() const {
    return !tokens_.empty() && tokens_.back().IsName() && tokens_.back().end == at_;
  }

  // Digits, decimals, exponents; a name may begin with a digit too (1st_table).
  void Number(size_t begin) {
    while (std::isdigit(static_cast<unsigned char>(Peek()))) ++at_;
    bool is_word = false;
    if (Peek() == '.') {
      ++at_;
      while (std::isdigit(static_cast<unsigned char>(Peek()))) ++at_;
    }
    if ((Peek() == 'e' || Peek() == 'E') &&
        (std::isdigit(static_cast<unsigned char>(Peek(1))) || Peek(1) == '-' || Peek(1) == '+')) {
      at_ += 2;
      while (std::isdigit(static_cast<unsigned char>(Peek()))) ++at_;
    }
    while (at_ < sql_.size() && IsWordPart(Peek())) {
      ++at_;
      is_word = true;
    }
    bool is_hex = sql_.substr(begin, 2) == "0x" || sql_.substr(begin, 2) == "0b";
    tokens_.push_back(
        {is_word && !is_hex ? Token::Kind::kWord : Token::Kind::kNumber, Text(begin), begin, at_});
  }

  std::string Quoted(char quote, bool with_escapes) {
    std::string out;
    for (++at_; at_ < sql_.size(); ++at_) {
      char c = Peek();
      if (c == quote) {
        if (Peek(1) != quote) break;
        ++at_;
      } else if (c == '\\' && with_escapes && at_ + 1 < sql_.size()) {
        c = Unescaped(sql_[++at_], out);
        if (c == '\0' && sql_[at_] != '0') continue;
      }
      out.push_back(c);
    }
    if (at_ < sql_.size()) ++at_;
    return out;
  }

  // MySQL manual, "String Literals". \% and \_ keep their backslash.
  static char Unescaped(char c, std::string& out) {
    switch (c) {
      case '0':
        return '\0';
      case 'b':
        return '\b';
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'Z':
        return '\x1a';
      case '%':
      case '_':
        out.push_back('\\');
        return c;
      default:
        return c;
    }
  }

  std::string Text(size_t begin) const { return std::string(sql_.substr(begin, at_ - begin)); }

  std::string_view sql_;
  LexMode mode_;
  size_t at_ = 0;
  int versioned_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

bool Token::Is(std::string_view word) const {
  return kind == Kind::kWord && text.size() == word.size() &&
         strncasecmp(text.data(), word.data(), word.size()) == 0;
}

LexMode LexMode::FromSqlMode(std::string_view sql_mode) {
  LexMode mode;
  uint64_t number = 0;
  auto [end, error] = std::from_chars(sql_mode.data(), sql_mode.data() + sql_mode.size(), number);
  if (error == std::errc() && end == sql_mode.data() + sql_mode.size()) {
    // sql_class.h of MySQL and MariaDB alike.
    mode.real_as_float = number & 1;
    mode.pipes_as_concat = number & 2;
    mode.ansi_quotes = number & 4;
    mode.no_backslash_escapes = number & (1 << 20);
    mode.high_not_precedence = number & (1 << 29);
    return mode;
  }
  auto has = [&](std::string_view name) { return HasMode(sql_mode, name); };
  const bool is_ansi = has("ANSI");
  const bool is_foreign =
      has("ORACLE") || has("DB2") || has("MSSQL") || has("MAXDB") || has("POSTGRESQL");
  mode.real_as_float = is_ansi || has("REAL_AS_FLOAT");
  mode.pipes_as_concat = is_ansi || is_foreign || has("PIPES_AS_CONCAT");
  mode.ansi_quotes = is_ansi || is_foreign || has("ANSI_QUOTES");
  mode.no_backslash_escapes = has("NO_BACKSLASH_ESCAPES");
  mode.high_not_precedence = has("HIGH_NOT_PRECEDENCE") || has("MYSQL323") || has("MYSQL40");
  return mode;
}

std::vector<Token> Tokenize(std::string_view sql, LexMode mode) { return Lexer(sql, mode).Run(); }

}  // namespace godwit::mysql
