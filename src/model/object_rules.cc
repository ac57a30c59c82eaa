// SPDX-License-Identifier: Apache-2.0
#include "model/object_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "model/names.h"

namespace godwit {
namespace {

[[noreturn]] void FailRule(std::string_view text, std::string_view why) {
  throw Error({.code = "RULE_INVALID",
               .kind = ErrorKind::kBlocked,
               .object = std::string(text),
               .message = fmt::format("object rule '{}': {}", text, why),
               .cause = "the rule does not have the form db.pattern, db.pattern=other_db or "
                        "db.pattern=other_db.table",
               .remedy = "write for example 'shop.*', 'shop.order*=archive' or '`a.b`.t'"});
}

bool IsPatternCharacter(char c) { return c == '*' || c == '?' || c == '[' || c == '\\'; }

// Reads a name or pattern up to '.', '=' or the end; backquoted text becomes an escaped pattern.
std::string ReadName(std::string_view text, size_t& at, bool is_pattern) {
  std::string out;
  if (at < text.size() && text[at] == '`') {
    for (++at;; ++at) {
      if (at >= text.size()) FailRule(text, "a backquote is not closed");
      if (text[at] == '`') {
        if (at + 1 < text.size() && text[at + 1] == '`') {
          ++at;
        } else {
          break;
        }
      }
      if (is_pattern && IsPatternCharacter(text[at])) out.push_back('\\');
      out.push_back(text[at]);
    }
    ++at;
    return out;
  }
  while (at < text.size() && text[at] != '.' && text[at] != '=') {
    if (is_pattern && text[at] == '[') {  // a dot inside a set is not a separator
      size_t close = text.find(']', at + 2);
      if (close == std::string_view::npos) FailRule(text, "'[' is not closed");
      out.append(text.substr(at, close - at));
      at = close;
    }
    out.push_back(text[at++]);
  }
  return out;
}

// The character at `at`, which is moved behind it. In UTF-8 the order of the bytes is that of the
// characters, so ranges compare as texts do.
std::string_view NextCharacter(std::string_view text, size_t& at) {
  const size_t from = at++;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
  return text.substr(from, at - from);
}

// Matches one set "[…]" starting at pattern[p]; moves p behind it.
bool MatchesSet(std::string_view pattern, size_t& p, std::string_view c) {
  size_t close = pattern.find(']', p + 2);
  if (close == std::string_view::npos) return c == NextCharacter(pattern, p);
  size_t i = p + 1;
  bool negated = pattern[i] == '!';
  if (negated) ++i;
  bool found = false;
  while (i < close) {
    const std::string_view low = NextCharacter(pattern, i);
    if (i + 1 < close && pattern[i] == '-') {
      const std::string_view high = NextCharacter(pattern, ++i);
      found = found || (low <= c && c <= high);
    } else {
      found = found || low == c;
    }
  }
  p = close + 1;
  return found != negated;
}

bool Names(const std::vector<std::string>& list, std::string_view column) {
  return std::any_of(list.begin(), list.end(),
                     [&](const std::string& name) { return EqualNames(name, column); });
}

}  // namespace

bool MatchesPattern(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
      continue;
    }
    size_t next = p;
    size_t behind = t;
    const std::string_view c = NextCharacter(text, behind);
    bool matches = false;
    if (p < pattern.size()) {
      if (pattern[p] == '?') {
        matches = true;
        ++next;
      } else if (pattern[p] == '[') {
        matches = MatchesSet(pattern, next, c);
      } else {
        if (pattern[next] == '\\' && next + 1 < pattern.size()) ++next;
        matches = NextCharacter(pattern, next) == c;
      }
    }
    if (matches) {
      p = next;
      t = behind;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      NextCharacter(text, star_text);
      t = star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool TableMapping::Carries(std::string_view column) const {
  if (Names(excluded_columns, column)) return false;
  return columns.empty() || Names(columns, column);
}

std::string TableMapping::NameOf(const std::string& column) const {
  for (const auto& [from, to] : column_names) {
    if (EqualNames(from, column)) return to;
  }
  return column;
}

ObjectRule ObjectRule::Parse(std::string_view text) {
  ObjectRule rule;
  rule.text = text;
  size_t at = 0;
  rule.database_pattern = ReadName(text, at, true);
  if (at >= text.size() || text[at] != '.') FailRule(text, "a '.' must follow the database");
  rule.table_pattern = ReadName(text, ++at, true);
  if (rule.database_pattern.empty()) FailRule(text, "the database is missing");
  if (rule.table_pattern.empty()) FailRule(text, "the table pattern is missing");
  if (at == text.size()) return rule;
  if (text[at] != '=') FailRule(text, "only one '.' may stand before '='");
  rule.to_database = ReadName(text, ++at, false);
  if (rule.to_database.empty()) FailRule(text, "the destination database is missing");
  if (at == text.size()) return rule;
  if (text[at] != '.') FailRule(text, "a second '=' stands in it");
  rule.to_table = ReadName(text, ++at, false);
  if (rule.to_table.empty()) FailRule(text, "the destination table is missing");
  if (at != text.size()) FailRule(text, "something stands behind the destination table");
  return rule;
}

bool ObjectRule::is_pattern_only() const {
  ObjectRule plain;
  plain.text = text;
  plain.database_pattern = database_pattern;
  plain.table_pattern = table_pattern;
  return *this == plain;
}

bool ObjectRule::Matches(const TableName& name) const {
  return MatchesPattern(database_pattern, name.database) &&
         MatchesPattern(table_pattern, name.table);
}

bool ObjectRules::IsExcluded(const TableName& name) const {
  return std::any_of(exclude_.begin(), exclude_.end(),
                     [&](const ObjectRule& rule) { return rule.Matches(name); });
}

std::optional<TableMapping> ObjectRules::Find(const TableName& name) const {
  if (name.database == kOwnDatabase || name.table == kHeartbeatTable) return {};
  if (IsExcluded(name)) return {};
  for (auto rule = include_.rbegin(); rule != include_.rend(); ++rule) {
    if (!rule->Matches(name)) continue;
    TableMapping mapping;
    mapping.destination.database = rule->DatabaseOf(name.database);
    mapping.destination.table = rule->to_table.empty() ? name.table : rule->to_table;
    mapping.column_names = rule->column_names;
    mapping.columns = rule->columns;
    mapping.excluded_columns = rule->excluded_columns;
    mapping.where = rule->where;
    return mapping;
  }
  return {};
}

bool ObjectRules::MaySelect(std::string_view database) const {
  if (database == kOwnDatabase) return false;
  for (const ObjectRule& rule : include_) {
    if (MatchesPattern(rule.database_pattern, database)) return true;
  }
  return false;
}

std::string ObjectRules::DestinationDatabase(std::string_view database) const {
  const ObjectRule* chosen = nullptr;
  for (auto rule = include_.rbegin(); rule != include_.rend(); ++rule) {
    if (!MatchesPattern(rule->database_pattern, database)) continue;
    if (rule->is_whole()) return rule->DatabaseOf(database);
    if (chosen == nullptr && !rule->to_database.empty()) chosen = &*rule;
  }
  return chosen == nullptr ? std::string(database) : chosen->to_database;
}

}  // namespace godwit
