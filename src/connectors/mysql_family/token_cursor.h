// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/mysql_family/lexer.h"

namespace godwit::mysql {

// What the parser stumbled on; caught in ParseDdl only.
struct ParseProblem {
  std::string text;
};

// Walks over a statement's tokens. Does not own the statement.
class TokenCursor {
 public:
  TokenCursor(std::string_view sql, LexMode mode)
      : sql_(sql), mode_(mode), tokens_(Tokenize(sql, mode)) {}

  const LexMode& mode() const { return mode_; }

  const Token& Peek(size_t n = 0) const { return tokens_[std::min(at_ + n, tokens_.size() - 1)]; }
  const Token& Next() {
    const Token& token = Peek();
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  bool AtEnd() const { return Peek().kind == Token::Kind::kEnd || Peek().IsSymbol(';'); }

  bool Accept(std::string_view word) {
    if (!Peek().Is(word)) return false;
    Next();
    return true;
  }
  // All of these words in a row, or nothing.
  bool Accept(std::initializer_list<std::string_view> words) {
    size_t n = 0;
    for (std::string_view word : words) {
      if (!Peek(n++).Is(word)) return false;
    }
    for (; n > 0; --n) Next();
    return true;
  }
  bool AcceptSymbol(char c) {
    if (!Peek().IsSymbol(c)) return false;
    Next();
    return true;
  }
  void ExpectSymbol(char c) {
    if (!AcceptSymbol(c)) Fail(fmt::format("'{}' expected", c));
  }
  void Expect(std::string_view word) {
    if (!Accept(word)) Fail(fmt::format("{} expected", word));
  }
  std::string Name() {
    if (!Peek().IsName()) Fail("a name expected");
    return Next().text;
  }
  std::string String() {
    if (Peek().kind != Token::Kind::kString) Fail("a string expected");
    std::string out = Next().text;
    while (Peek().kind == Token::Kind::kString) out += Next().text;  // 'a' 'b' is one string
    return out;
  }
  uint64_t Number() {
    if (Peek().kind != Token::Kind::kNumber) Fail("a number expected");
    return std::strtoull(Next().text.c_str(), nullptr, 10);
  }

  // The text between a parenthesis that is next and its counterpart; moves behind it.
  std::string Parenthesized() {
    ExpectSymbol('(');
    const size_t begin = at_;
    for (int depth = 1; depth > 0;) {
      const Token& token = Peek();
      if (token.kind == Token::Kind::kEnd) Fail("')' expected");
      if (token.IsSymbol('(')) ++depth;
      if (token.IsSymbol(')')) --depth;
      Next();
    }
    return SourceOf(begin, at_ - 1);
  }
  // The text of the tokens [begin, end) as it reads under the default sql_mode.
  std::string SourceOf(size_t begin, size_t end) const {
    if (begin >= end) return "";
    const bool is_plain = !mode_.ansi_quotes && !mode_.no_backslash_escapes;
    if (is_plain) {
      size_t from = tokens_[begin].begin;
      return std::string(sql_.substr(from, tokens_[end - 1].end - from));
    }
    std::string out;
    for (size_t i = begin; i < end; ++i) {
      const Token& token = tokens_[i];
      if (i > begin) out += sql_.substr(tokens_[i - 1].end, token.begin - tokens_[i - 1].end);
      if (token.kind == Token::Kind::kQuoted) {
        AppendQuoted(out, token.text, '`');
      } else if (token.kind == Token::Kind::kString) {
        AppendQuoted(out, token.text, '\'');
      } else {
        out += token.text;
      }
    }
    return out;
  }
  // What the session's sql_mode makes of the statement and the default one does not; empty:
  // nothing.
  std::string OtherReading() const {
    for (size_t i = 0; i + 1 < tokens_.size(); ++i) {
      const bool is_pipes = tokens_[i].IsSymbol('|') && tokens_[i + 1].IsSymbol('|') &&
                            tokens_[i].end == tokens_[i + 1].begin;
      if (is_pipes && mode_.pipes_as_concat) {
        return "its session's sql_mode has PIPES_AS_CONCAT, under which || joins texts; the "
               "destination reads OR";
      }
      if (mode_.high_not_precedence && IsOperatorNot(i)) {
        return "its session's sql_mode has HIGH_NOT_PRECEDENCE, under which NOT takes less of what "
               "follows than at the destination";
      }
    }
    return "";
  }
  // Skips one token, or a whole parenthesis.
  void SkipOne() {
    if (Peek().IsSymbol('(')) {
      Parenthesized();
    } else {
      Next();
    }
  }
  size_t at() const { return at_; }
  void Return(size_t at) { at_ = at; }

  [[noreturn]] void Fail(std::string_view what) const {
    const Token& token = Peek();
    throw ParseProblem{fmt::format(
        "{} at '{}' (character {})", what,
        token.kind == Token::Kind::kEnd ? "end of statement" : token.text, token.begin + 1)};
  }

 private:
  // NOT before an operand; not that of IS NOT, NOT IN, NOT LIKE, NOT NULL, IF NOT EXISTS, ….
  bool IsOperatorNot(size_t at) const {
    if (!tokens_[at].Is("not")) return false;
    if (at > 0 && (tokens_[at - 1].Is("is") || tokens_[at - 1].Is("if"))) return false;
    for (std::string_view word :
         {"null", "in", "like", "between", "regexp", "rlike", "enforced", "ignored", "secondary"}) {
      if (tokens_[at + 1].Is(word)) return false;
    }
    return true;
  }
  static void AppendQuoted(std::string& out, std::string_view text, char quote) {
    out.push_back(quote);
    for (char c : text) {
      if (c == quote || (c == '\\' && quote == '\'')) out.push_back(c);
      out.push_back(c);
    }
    out.push_back(quote);
  }

  std::string_view sql_;
  LexMode mode_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace godwit::mysql
