// SPDX-License-Identifier: Apache-2.0
#include "model/expression_names.h"

#include <algorithm>

#include "model/names.h"

namespace godwit {
namespace {

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

// Behind the closing quote of what begins at `at`; a doubled quote goes on, so does a backslash in
// a string.
size_t EndOfQuoted(std::string_view text, size_t at) {
  const char quote = text[at];
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\' && quote != '`') {
      ++i;
    } else if (text[i] == quote) {
      if (i + 1 == text.size() || text[i + 1] != quote) return i + 1;
      ++i;
    }
  }
  return text.size();
}

std::string Unquoted(std::string_view quoted) {
  std::string name;
  for (size_t i = 1; i + 1 < quoted.size(); ++i) {
    name.push_back(quoted[i]);
    if (quoted[i] == '`') ++i;
  }
  return name;
}

std::string Quoted(std::string_view name) {
  std::string out = "`";
  for (char c : name) {
    out.push_back(c);
    if (c == '`') out.push_back(c);
  }
  return out + "`";
}

}  // namespace

std::vector<NameInExpression> NamesIn(std::string_view text) {
  std::vector<NameInExpression> names;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '\'' || c == '"') {
      at = EndOfQuoted(text, at);
    } else if (c == '`') {
      const size_t end = EndOfQuoted(text, at);
      names.push_back({at, end - at, true, Unquoted(text.substr(at, end - at))});
      at = end;
    } else if (IsNameByte(c)) {
      size_t end = at;
      while (end < text.size() && IsNameByte(text[end])) ++end;
      const bool is_call = end < text.size() && text[end] == '(';
      const bool is_introducer = end < text.size() && text[end] == '\'';  // _utf8mb4'…', x'…'
      if (!is_call && !is_introducer) {
        names.push_back({at, end - at, false, std::string(text.substr(at, end - at))});
      }
      at = end;
    } else {
      ++at;
    }
  }
  return names;
}

bool Mentions(std::string_view expression, std::string_view column) {
  for (const NameInExpression& found : NamesIn(expression)) {
    if (EqualNames(found.name, column)) return true;
  }
  return false;
}

std::vector<std::string> ColumnsReadBy(std::string_view filter,
                                       std::span<const ColumnSchema> columns) {
  std::vector<std::string> read;
  auto add = [&](std::string_view expression) {
    for (const NameInExpression& found : NamesIn(expression)) {
      const bool is_new = std::none_of(read.begin(), read.end(), [&](const std::string& known) {
        return EqualNames(known, found.name);
      });
      if (is_new) read.push_back(found.name);
    }
  };
  add(filter);
  for (size_t i = 0; i < read.size(); ++i) {
    const auto column = std::find_if(columns.begin(), columns.end(), [&](const ColumnSchema& c) {
      return EqualNames(c.name, read[i]);
    });
    if (column != columns.end()) add(column->generation_expression);
  }
  return read;
}

std::optional<std::string> RenameIn(std::string_view expression, std::string_view from,
                                    std::string_view to, BareNames bare) {
  std::string out;
  size_t copied = 0;
  for (const NameInExpression& found : NamesIn(expression)) {
    if (!EqualNames(found.name, from)) continue;
    if (!found.is_quoted && bare == BareNames::kUncertain) return {};
    out += expression.substr(copied, found.at - copied);
    out += Quoted(to);
    copied = found.at + found.length;
  }
  out += expression.substr(copied);
  return out;
}

}  // namespace godwit
