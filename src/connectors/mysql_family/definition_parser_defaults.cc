// SPDX-License-Identifier: Apache-2.0
// Defaults, and labels given by their bytes.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "connectors/mysql_family/definition_parser.h"
#include "connectors/mysql_family/implicit_value.h"

namespace godwit::mysql {
namespace {

using Kind = ColumnSchema::Default::Kind;

bool IsDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool IsZero(std::string_view number) {
  return number.find_first_of("123456789") == std::string_view::npos;
}

uint64_t NumberOf(const std::string& digits) { return std::strtoull(digits.c_str(), nullptr, 10); }

bool HasByteMark(std::string_view number) {
  return number.starts_with("0x") || number.starts_with("0b");
}

// The bytes of x'…' or b'…', given what is between the quotes; nullopt: it is no such text.
std::optional<std::string> BytesOf(char mark, std::string digits) {
  const bool is_hex = mark == 'x';
  const size_t per_byte = is_hex ? 2 : 8;
  while (digits.size() % per_byte != 0) digits.insert(digits.begin(), '0');
  const std::string_view known = is_hex ? "0123456789abcdefABCDEF" : "01";
  if (digits.find_first_not_of(known) != std::string::npos) return {};
  std::string out;
  for (size_t at = 0; at < digits.size(); at += per_byte) {
    const std::string byte = digits.substr(at, per_byte);
    out.push_back(static_cast<char>(std::strtoul(byte.c_str(), nullptr, is_hex ? 16 : 2)));
  }
  return out;
}

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// As servers show it: b'101'. A text stands for its bytes.
std::string BitLiteral(const std::string& text, LiteralForm form) {
  uint64_t bits = 0;
  if (form == LiteralForm::kNumber) {
    if (!IsDigits(text)) throw ParseProblem{"BIT has a default that is no whole number: " + text};
    bits = NumberOf(text);
  } else {
    if (!IsAscii(text) || text.size() > sizeof(bits)) {
      throw ParseProblem{"BIT has a text as default whose bytes are not known: " + text};
    }
    for (char c : text) bits = bits << 8 | static_cast<unsigned char>(c);
  }
  std::string out;
  do {
    out.insert(out.begin(), bits & 1 ? '1' : '0');
    bits >>= 1;
  } while (bits != 0);
  return "b'" + out + "'";
}

// MySQL manual, "The YEAR Type": the number 0 is the year 0000, the texts '0' and '00' are 2000.
std::string Year(const std::string& text, LiteralForm form) {
  const bool is_number = form == LiteralForm::kNumber;
  if (!IsDigits(text) || (!is_number && text.size() > 4)) {
    if (is_number) throw ParseProblem{"YEAR has a default that is no whole number: " + text};
    return text;
  }
  uint64_t year = NumberOf(text);
  if (year == 0 && (is_number || text.size() == 4)) return "0000";
  if (year < 70) {
    year += 2000;
  } else if (year < 100) {
    year += 1900;
  }
  return std::to_string(year);
}

// A number as the text that a server makes of it.
std::string NumberText(const std::string& number) {
  if (number.find_first_of("eE") != std::string::npos) {
    throw ParseProblem{"a text has the default " + number +
                       ", whose digits depend on the column's length"};
  }
  const bool is_negative = number.starts_with('-') && !IsZero(number);
  std::string digits = number.substr(number.starts_with('-') ? 1 : 0);
  if (digits.ends_with('.')) digits.pop_back();
  const size_t point = std::min(digits.find('.'), digits.size());
  const size_t first = std::min(digits.find_first_not_of('0'), point);
  digits.erase(0, first);
  if (first == point) digits.insert(0, "0");
  return (is_negative ? "-" : "") + digits;
}

// 1.5e3 as 1500: a text of digits reads the same everywhere.
std::string WithoutExponent(const std::string& number) {
  const size_t at = number.find_first_of("eE");
  if (at == std::string::npos) return number;
  constexpr int kMostDigits = 81;  // more than a DECIMAL has
  const int exponent = std::atoi(number.c_str() + at + 1);
  if (std::abs(exponent) > kMostDigits) return number;
  const std::string sign = number.starts_with('-') ? "-" : "";
  std::string digits = number.substr(sign.size(), at - sign.size());
  const size_t point = std::min(digits.find('.'), digits.size());
  int before_point = static_cast<int>(point) + exponent;
  if (point < digits.size()) digits.erase(point, 1);
  if (before_point <= 0) {
    digits.insert(0, static_cast<size_t>(1 - before_point), '0');
    before_point = 1;
  }
  const size_t whole = static_cast<size_t>(before_point);
  if (digits.size() < whole) digits.append(whole - digits.size(), '0');
  if (digits.size() > whole) digits.insert(whole, ".");
  return sign + digits;
}

// A server looks the number up among the labels and then takes it for a label's place.
void ExpectLabel(const LogicalType& type, const std::string& number) {
  const uint64_t place = IsDigits(number) ? NumberOf(number) : 0;
  const bool is_both = type.kind == TypeKind::kEnum && place > 0 && place <= type.labels.size() &&
                       type.labels[place - 1] == number;
  if (!is_both) throw ParseProblem{"the number " + number + " as the default of an ENUM or SET"};
}

// MySQL manual, "Date and Time Literals": a number of other lengths is read otherwise than a text.
std::string Moment(const LogicalType& type, const std::string& number) {
  if (IsZero(number)) return *ImplicitValue(type);
  if (number.find(':') != std::string::npos) return number;  // as SettleTimes writes it
  const size_t digits = std::min(number.find('.'), number.size());
  const bool is_clear = digits == 6 || digits == 8 || digits == 12 || digits == 14;
  if (!is_clear || !IsDigits(number.substr(0, digits))) {
    throw ParseProblem{"the number " + number + " as the default of a date"};
  }
  return number;
}

}  // namespace

void SettleDefault(ColumnSchema& column, LiteralForm form) {
  if (!column.default_value || column.default_value->kind != Kind::kLiteral) return;
  std::string& text = column.default_value->text;
  const bool is_number = form == LiteralForm::kNumber;
  switch (column.type.kind) {
    case TypeKind::kBit:
      column.default_value = {Kind::kExpression, BitLiteral(text, form)};
      return;
    case TypeKind::kInteger:
      if (column.native_type.starts_with("year")) {
        text = Year(text, form);
      } else if (is_number) {
        text = WithoutExponent(text);
      }
      return;
    case TypeKind::kDecimal:
      if (is_number) text = WithoutExponent(text);
      return;
    case TypeKind::kDate:
    case TypeKind::kDatetime:
    case TypeKind::kTimestamp:
      if (is_number) text = Moment(column.type, text);
      return;
    case TypeKind::kEnum:
    case TypeKind::kSet:
      if (is_number) ExpectLabel(column.type, text);
      return;
    default:
      if (is_number && (column.type.is_text() || column.type.is_bytes())) text = NumberText(text);
      return;
  }
}

WrittenDefault DefinitionParser::DefaultValue() {
  auto literal = [](std::string text) { return WrittenDefault{{Kind::kLiteral, std::move(text)}}; };
  auto number = [](std::string text) {
    return WrittenDefault{{Kind::kLiteral, std::move(text)}, LiteralForm::kNumber};
  };
  auto expression = [](std::string text) {
    return WrittenDefault{{Kind::kExpression, std::move(text)}};
  };
  const Token& token = in_.Peek();
  if (token.IsSymbol('(')) return expression(in_.Parenthesized());
  if (token.kind == Token::Kind::kString) return literal(in_.String());
  if (token.Is("current_timestamp") || token.Is("now") || token.Is("localtime") ||
      token.Is("localtimestamp")) {
    return expression(TimestampFunction());
  }
  if (token.IsSymbol('-') || token.IsSymbol('+')) {
    std::string sign = in_.Next().text == "-" ? "-" : "";
    if (in_.Peek().kind != Token::Kind::kNumber) in_.Fail("a number expected");
    return number(sign + in_.Next().text);
  }
  if (token.kind == Token::Kind::kNumber) {
    return HasByteMark(token.text) ? expression(in_.Next().text) : number(in_.Next().text);
  }
  if (token.Is("true") || token.Is("false")) return number(in_.Next().Is("true") ? "1" : "0");
  if ((token.Is("date") || token.Is("time") || token.Is("timestamp")) &&
      in_.Peek(1).kind == Token::Kind::kString) {
    in_.Next();
    return literal(in_.String());
  }
  if (token.kind != Token::Kind::kWord) in_.Fail("a default value expected");
  const bool has_string = in_.Peek(1).kind == Token::Kind::kString;
  if (has_string && (token.text[0] == '_' || Lower(token.text) == "n")) {
    in_.Next();
    return literal(in_.String());
  }
  if (has_string && (Lower(token.text) == "b" || Lower(token.text) == "x")) {
    std::string introducer = Lower(in_.Next().text);
    return expression(introducer + "'" + in_.String() + "'");
  }
  std::string text = in_.Next().text;  // a function without outer parentheses (MariaDB)
  if (in_.Peek().IsSymbol('(')) text += "(" + in_.Parenthesized() + ")";
  return expression(std::move(text));
}

// x'41', b'01000001' or 0x41 among a type's arguments. Bytes beyond ASCII are of a character set
// that is not known here.
bool DefinitionParser::ByteLabel(Written& written) {
  const Token& token = in_.Peek();
  const bool is_word = token.kind == Token::Kind::kWord;
  const std::string word = Lower(token.text);
  if (is_word && word[0] == '_' && in_.Peek(1).kind == Token::Kind::kWord) {
    in_.Fail("a label in a character set of its own");
  }
  const bool is_quoted =
      is_word && (word == "x" || word == "b") && in_.Peek(1).kind == Token::Kind::kString;
  const bool is_bare = token.kind == Token::Kind::kNumber && HasByteMark(token.text);
  if (!is_quoted && !is_bare) return false;
  in_.Next();
  const auto bytes =
      BytesOf(is_quoted ? word[0] : word[1], is_quoted ? in_.Next().text : word.substr(2));
  if (!bytes || !IsAscii(*bytes)) in_.Fail("a label that is no ASCII");
  written.type.arguments.push_back(*bytes);
  written.has_byte_labels = true;
  return true;
}

}  // namespace godwit::mysql
