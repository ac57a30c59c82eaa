// SPDX-License-Identifier: Apache-2.0
#include "translate/row_filter_lexer.h"

#include <fmt/format.h>

#include "base/error.h"

namespace godwit::filter {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWordByte(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}
char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  c = Upper(c);
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

class Lexer {
 public:
  explicit Lexer(std::string_view where) : where_(where) {}

  std::vector<Token> All() {
    std::vector<Token> tokens;
    do {
      tokens.push_back(Next());
    } while (tokens.back().kind != Token::Kind::kEnd);
    return tokens;
  }

 private:
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < where_.size() ? where_[at_ + ahead] : '\0';
  }

  Token Next() {
    while (Peek() == ' ' || Peek() == '\t' || Peek() == '\n' || Peek() == '\r') ++at_;
    Token token;
    token.at = at_;
    if (at_ < where_.size()) Read(token);
    token.shown = token.kind == Token::Kind::kQuotedName
                      ? token.text
                      : std::string(where_.substr(token.at, at_ - token.at));
    return token;
  }

  void Read(Token& token) {
    const char c = Peek();
    if (c == '\'' || c == '"' || c == '`') {
      token.kind = c == '`' ? Token::Kind::kQuotedName : Token::Kind::kString;
      token.text = Quoted(c);
    } else if ((c == 'x' || c == 'X') && Peek(1) == '\'') {
      ++at_;
      token.kind = Token::Kind::kHex;
      token.text = Bytes(Quoted('\''), token.at);
    } else if (c == '0' && (Peek(1) == 'x') && HexDigit(Peek(2)) >= 0) {
      at_ += 2;
      size_t begin = at_;
      while (IsWordByte(Peek())) ++at_;
      token.kind = Token::Kind::kHex;
      std::string digits(where_.substr(begin, at_ - begin));
      token.text = Bytes(digits.size() % 2 == 0 ? digits : "0" + digits, token.at);
    } else if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) {
      token.kind = Token::Kind::kNumber;
      token.text = Number();
    } else if (IsWordByte(c)) {
      token.kind = Token::Kind::kWord;
      while (IsWordByte(Peek())) token.text.push_back(Upper(where_[at_++]));
    } else {
      token.kind = Token::Kind::kSymbol;
      token.text = Symbol();
    }
  }

  // The text between quotes. MySQL keeps the backslash of \% and \_ for LIKE.
  std::string Quoted(char quote) {
    const size_t begin = at_++;
    std::string out;
    for (;;) {
      if (at_ >= where_.size()) FailAt(begin, "the quote that begins here is not closed");
      char c = where_[at_++];
      if (c == quote) {
        if (Peek() != quote) return out;
        ++at_;
      } else if (c == '\\' && quote != '`') {
        if (at_ >= where_.size()) FailAt(begin, "the quote that begins here is not closed");
        c = where_[at_++];
        if (c == '%' || c == '_') out.push_back('\\');
        c = Escaped(c);
      }
      out.push_back(c);
    }
  }

  static char Escaped(char c) {
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
      default:
        return c;
    }
  }

  static std::string Bytes(const std::string& digits, size_t at) {
    if (digits.size() % 2 != 0) FailAt(at, "an even number of hexadecimal digits is expected");
    std::string out;
    for (size_t i = 0; i < digits.size(); i += 2) {
      int high = HexDigit(digits[i]);
      int low = HexDigit(digits[i + 1]);
      if (high < 0 || low < 0) FailAt(at, "only hexadecimal digits are expected");
      out.push_back(static_cast<char>(high * 16 + low));
    }
    return out;
  }

  std::string Number() {
    const size_t begin = at_;
    while (IsDigit(Peek())) ++at_;
    if (Peek() == '.') ++at_;
    while (IsDigit(Peek())) ++at_;
    if (Upper(Peek()) == 'E') {
      ++at_;
      if (Peek() == '+' || Peek() == '-') ++at_;
      if (!IsDigit(Peek())) FailAt(begin, "the number's exponent has no digits");
      while (IsDigit(Peek())) ++at_;
    }
    if (IsWordByte(Peek())) FailAt(begin, "a number ends in letters");
    return std::string(where_.substr(begin, at_ - begin));
  }

  std::string Symbol() {
    if (Peek() == '-' && Peek(1) == '-') FailAt(at_, "comments have no meaning here");
    static constexpr std::string_view kSymbols[] = {"<=>", "<>", "!=", "<=", ">=", "&&", "||",
                                                    "<",   ">",  "=",  "(",  ")",  ",",  "+",
                                                    "-",   "*",  "%",  "/",  "."};
    for (std::string_view symbol : kSymbols) {
      if (where_.substr(at_).starts_with(symbol)) {
        at_ += symbol.size();
        return std::string(symbol);
      }
    }
    FailAt(at_,
           fmt::format("'{}' has no meaning here", Peek() == '!' ? "!" : where_.substr(at_, 1)));
  }

  std::string_view where_;
  size_t at_ = 0;
};

}  // namespace

std::vector<Token> Tokenize(std::string_view where) { return Lexer(where).All(); }

void FailAt(size_t at, std::string_view problem) {
  throw Error(
      {.code = "FILTER_INVALID",
       .kind = ErrorKind::kBlocked,
       .message = fmt::format("the row filter is wrong at character {}: {}", at + 1, problem),
       .cause = "it is not in the part of SQL that row filters know",
       .remedy = "correct the rule's filter; docs/row-filter.md has the grammar"});
}

}  // namespace godwit::filter
