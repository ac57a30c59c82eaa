// SPDX-License-Identifier: Apache-2.0
#include "model/table_schema.h"

#include <algorithm>

#include "base/error.h"
#include "model/names.h"

namespace godwit {
namespace {

void AppendName(std::string& out, std::string_view name) {
  if (name.find_first_of(".`") == std::string_view::npos) {
    out += name;
    return;
  }
  out += '`';
  for (char c : name) {
    if (c == '`') out += c;
    out += c;
  }
  out += '`';
}

// Reads what AppendName wrote, up to a dot outside of quotes or the end; moves behind it.
std::string TakeName(std::string_view text, size_t& at) {
  std::string out;
  const bool is_quoted = at < text.size() && text[at] == '`';
  if (is_quoted) ++at;
  for (; at < text.size(); ++at) {
    if (!is_quoted && text[at] == '.') break;
    if (is_quoted && text[at] == '`') {
      const bool is_doubled = at + 1 < text.size() && text[at + 1] == '`';
      if (!is_doubled) break;
      ++at;
    }
    out += text[at];
  }
  if (is_quoted) ++at;
  return out;
}

}  // namespace

void ColumnSchema::InheritCharset(const std::string& from_charset,
                                  const std::string& from_collation) {
  if (from_charset.empty()) return;  // still not known
  const bool is_open = has_open_collation() && from_charset != "binary";
  charset = from_charset;
  collation = is_open ? from_charset + collation : from_collation;
}

std::string TableName::ToString() const {
  std::string out;
  out.reserve(database.size() + table.size() + 1);
  AppendName(out, database);
  out += '.';
  AppendName(out, table);
  return out;
}

TableName TableName::FromText(std::string_view text) {
  TableName out;
  size_t at = 0;
  out.database = TakeName(text, at);
  GODWIT_CHECK(at < text.size() && text[at] == '.', "a table's name has two parts");
  out.table = TakeName(text, ++at);
  return out;
}

bool Covers(const IndexSchema& index, const std::vector<std::string>& columns) {
  if (index.kind == IndexSchema::Kind::kFullText || index.kind == IndexSchema::Kind::kSpatial) {
    return false;
  }
  if (index.parts.size() < columns.size()) return false;
  for (size_t i = 0; i < columns.size(); ++i) {
    const KeyPart& part = index.parts[i];
    if (part.prefix_length != 0 || !EqualNames(part.column, columns[i])) return false;
  }
  return true;
}

bool ChangesChildren(const ForeignKeySchema& key) {
  auto sets = [](const std::string& action) {
    return action == "SET NULL" || action == "SET DEFAULT";
  };
  return sets(key.on_delete) || sets(key.on_update) || key.on_update == "CASCADE";
}

bool Cascades(const ForeignKeySchema& key) {
  return key.on_delete == "CASCADE" || ChangesChildren(key);
}

int TableSchema::FindColumn(std::string_view column) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (EqualNames(columns[i].name, column)) return static_cast<int>(i);
  }
  return -1;
}

const IndexSchema* TableSchema::primary_key() const {
  for (const IndexSchema& index : indexes) {
    if (index.kind == IndexSchema::Kind::kPrimary) return &index;
  }
  return nullptr;
}

const IndexSchema* TableSchema::identity_key() const {
  if (const IndexSchema* primary = primary_key()) return primary;
  auto identifies = [&](const KeyPart& part) {
    if (!part.expression.empty() || part.prefix_length != 0) return false;
    const int c = FindColumn(part.column);
    return c >= 0 && !columns[c].nullable && !columns[c].is_generated();
  };
  for (const IndexSchema& index : indexes) {
    if (index.is_unique() && !index.parts.empty() &&
        std::all_of(index.parts.begin(), index.parts.end(), identifies)) {
      return &index;
    }
  }
  return nullptr;
}

std::vector<int> TableSchema::identity_columns() const {
  std::vector<int> ordinals;
  if (const IndexSchema* key = identity_key()) {
    for (const KeyPart& part : key->parts) ordinals.push_back(FindColumn(part.column));
  }
  return ordinals;
}

}  // namespace godwit
