// SPDX-License-Identifier: Apache-2.0
#include "model/table_schema.h"

#include <algorithm>

#include "model/names.h"

namespace godwit {

bool Cascades(const ForeignKeySchema& key) {
  auto acts = [](const std::string& action) {
    return action == "CASCADE" || action == "SET NULL" || action == "SET DEFAULT";
  };
  return acts(key.on_delete) || acts(key.on_update);
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
