// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/json_sql.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>
#include <vector>

#include "connectors/mysql_family/session.h"
#include "model/json_normal_form.h"

namespace godwit::mysql {
namespace {

// A call with 65,536 arguments or more loses some of them at OceanBase, without a word.
constexpr size_t kMostArguments = 1000;
// Shorter ones are put into the call for their neighbours.
constexpr size_t kLongRun = 256;
// What a double holds whatever its digits are, and the largest power of ten that it holds exactly.
constexpr size_t kExactDigits = 15;
constexpr int64_t kExactPower = 22;

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// An integer is not read by way of a double.
bool IsExactNumber(std::string_view number) {
  if (number.starts_with('-')) number.remove_prefix(1);
  if (number.find_first_of(".eE") == std::string_view::npos) return true;
  const size_t mark = std::min(number.find_first_of("eE"), number.size());
  int64_t power = 0;
  if (mark < number.size()) {
    std::string_view digits = number.substr(mark + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), power);
    if (problem != std::errc()) return false;
  }
  size_t digits = 0;
  bool is_fraction = false;
  for (char c : number.substr(0, mark)) {
    if (c == '.') {
      is_fraction = true;
      continue;
    }
    if (digits != 0 || c != '0') ++digits;
    if (is_fraction) --power;
  }
  return digits <= kExactDigits && power >= -kExactPower && power <= kExactPower;
}

size_t SkipBlanks(std::string_view text, size_t at) {
  while (at < text.size() && IsBlank(text[at])) ++at;
  return at;
}

size_t EndOfString(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

struct Extent {
  size_t end = 0;
  bool is_exact = true;
};

// Of the value that begins here.
Extent Measure(std::string_view text, size_t at) {
  Extent value{at};
  for (int depth = 0; value.end < text.size();) {
    const char c = text[value.end];
    if (c == '[' || c == '{') {
      ++depth;
      ++value.end;
    } else if (c == ']' || c == '}') {
      --depth;
      ++value.end;
    } else if (c == '"') {
      value.end = EndOfString(text, value.end);
    } else if (IsBlank(c) || c == ',' || c == ':') {
      ++value.end;
      continue;
    } else {
      const size_t end = std::min(text.find_first_of(" \t\r\n,:]}", value.end), text.size());
      const bool is_number = c == '-' || (c >= '0' && c <= '9');
      if (is_number && !IsExactNumber(text.substr(value.end, end - value.end))) {
        value.is_exact = false;
      }
      value.end = end;
    }
    if (depth <= 0) break;
  }
  return value;
}

void AppendText(std::string& out, std::string_view text) {
  out += "CAST('";
  Session::AppendEscaped(out, text);
  out += "' AS JSON)";
}

// One value of an array, or one key and value of an object.
struct Member {
  std::string_view key;  // with its quotes
  std::string_view value;
  std::string_view whole;
  bool is_exact = true;
};

std::vector<Member> MembersOf(std::string_view container) {
  std::vector<Member> members;
  const bool is_object = container.starts_with('{');
  const std::string_view text = container.substr(0, container.size() - 1);
  for (size_t at = 1;;) {
    at = SkipBlanks(text, at);
    if (at < text.size() && text[at] == ',') at = SkipBlanks(text, at + 1);
    if (at >= text.size()) return members;
    Member& member = members.emplace_back();
    const size_t from = at;
    if (is_object) {
      at = EndOfString(text, at);
      member.key = text.substr(from, at - from);
      at = SkipBlanks(text, at);
      if (at < text.size() && text[at] == ':') at = SkipBlanks(text, at + 1);
    }
    const Extent value = Measure(text, at);
    member.value = text.substr(at, value.end - at);
    member.whole = text.substr(from, value.end - from);
    member.is_exact = value.is_exact;
    at = std::max(value.end, from + 1);
  }
}

bool HasEqualKeys(const std::vector<Member>& members) {
  std::set<std::string_view> keys;
  return !std::all_of(members.begin(), members.end(),
                      [&](const Member& member) { return keys.insert(member.key).second; });
}

// Calls of at most so many arguments each, the result of one being an argument of the next.
std::string Merged(std::vector<std::string> parts) {
  while (parts.size() > 1) {
    std::vector<std::string> merged;
    for (size_t i = 0; i < parts.size(); ++i) {
      if (i % kMostArguments == 0) {
        merged.emplace_back("JSON_MERGE_PRESERVE(");
      } else {
        merged.back() += ',';
      }
      merged.back() += parts[i];
      if (i % kMostArguments == kMostArguments - 1 || i + 1 == parts.size()) merged.back() += ')';
    }
    // A call for one alone is none.
    if (parts.size() % kMostArguments == 1) merged.back() = std::move(parts.back());
    parts = std::move(merged);
  }
  return std::move(parts.front());
}

void AppendValue(std::string& out, std::string_view value, bool is_exact);

void AppendContainer(std::string& out, std::string_view container) {
  const bool is_object = container.starts_with('{');
  const std::vector<Member> members = MembersOf(container);
  // Which of two equal keys counts is the server's to say.
  if (is_object && HasEqualKeys(members)) return AppendText(out, container);
  std::vector<std::string> parts;
  size_t arguments = 0;  // of the call that the last part is; 0 for a text
  for (size_t i = 0; i < members.size();) {
    size_t end = i;
    while (end < members.size() && members[end].is_exact) ++end;
    if (end > i) {
      const char* from = members[i].whole.data();
      const char* to = members[end - 1].whole.data() + members[end - 1].whole.size();
      if (const std::string_view run(from, static_cast<size_t>(to - from));
          run.size() >= kLongRun) {
        AppendText(parts.emplace_back(),
                   fmt::format("{}{}{}", container.front(), run, container.back()));
        arguments = 0;
        i = end;
        continue;
      }
    }
    if (arguments == 0 || arguments == kMostArguments) {
      parts.emplace_back(is_object ? "JSON_OBJECT()" : "JSON_ARRAY()");
      arguments = 0;
    }
    std::string& call = parts.back();
    call.pop_back();
    if (arguments++ > 0) call += ',';
    if (is_object) {
      call += "JSON_UNQUOTE('";
      Session::AppendEscaped(call, members[i].key);
      call += "'),";
    }
    AppendValue(call, members[i].value, members[i].is_exact);
    call += ')';
    ++i;
  }
  out += Merged(std::move(parts));
}

void AppendValue(std::string& out, std::string_view value, bool is_exact) {
  if (is_exact) return AppendText(out, value);
  if (value.starts_with('[') || value.starts_with('{')) return AppendContainer(out, value);
  out += value;
  // A number without an exponent would be a DECIMAL.
  if (value.find_first_of("eE") == std::string_view::npos) out += "e0";
}

}  // namespace

bool IsExactAsText(std::string_view document) {
  return Measure(document, SkipBlanks(document, 0)).is_exact;
}

void AppendJsonExpression(std::string& out, std::string_view document) {
  const size_t at = SkipBlanks(document, 0);
  const Extent whole = Measure(document, at);
  // The server has the word on what is no JSON; nothing of it may get into a statement.
  if (whole.is_exact || !JsonNormalForm(document)) return AppendText(out, document);
  const std::string_view value = document.substr(at, whole.end - at);
  const bool is_scalar = !value.starts_with('[') && !value.starts_with('{');
  if (is_scalar) out += "CAST(";
  AppendValue(out, value, false);
  if (is_scalar) out += " AS JSON)";
}

}  // namespace godwit::mysql
