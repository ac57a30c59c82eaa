// SPDX-License-Identifier: Apache-2.0
#include "translate/unlogged_cascades.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "model/expression_names.h"

namespace godwit {
namespace {

// Whether the filter's verdict may depend on the column: by its name, or by that of a generated one
// that does. Keywords count as names too.
bool Reads(const std::string& where, std::span<const ColumnSchema> columns,
           const std::string& name) {
  if (where.empty()) return false;
  std::vector<std::string> reached = {name};
  for (size_t i = 0; i < reached.size(); ++i) {
    if (Mentions(where, reached[i])) return true;
    for (const ColumnSchema& column : columns) {
      const bool is_new = std::find(reached.begin(), reached.end(), column.name) == reached.end();
      if (is_new && Mentions(column.generation_expression, reached[i])) {
        reached.push_back(column.name);
      }
    }
  }
  return false;
}

}  // namespace

std::string WhyCascadeDiffers(const TableName& child, std::span<const ColumnSchema> columns,
                              const ForeignKeySchema& key, const ObjectRules& rules) {
  const auto to = rules.Find(child);
  if (!to || !Cascades(key)) return "";
  const auto parent = rules.Find(key.referenced);
  const std::string referenced = key.referenced.ToString();
  if (!parent) return fmt::format("refers to {}, which is not selected", referenced);
  if (!parent->where.empty()) {
    return fmt::format("refers to {}, of whose rows a filter leaves some out", referenced);
  }
  const bool changes_carried =
      ChangesChildren(key) && std::any_of(key.columns.begin(), key.columns.end(),
                                          [&](const std::string& c) { return to->Carries(c); });
  for (const std::string& column : key.columns) {
    if ((key.on_delete == "CASCADE" || changes_carried) && !to->Carries(column)) {
      return fmt::format("is over {}, which is not selected", column);
    }
    if (ChangesChildren(key) && Reads(to->where, columns, column)) {
      return fmt::format("changes {}, which the filter of the rows reads", column);
    }
  }
  return "";
}

}  // namespace godwit
