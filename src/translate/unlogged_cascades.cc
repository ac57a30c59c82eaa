// SPDX-License-Identifier: Apache-2.0
#include "translate/unlogged_cascades.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/expression_names.h"

namespace godwit {
namespace {

// Whether the filter's verdict may depend on the column.
bool Reads(const std::string& where, std::span<const ColumnSchema> columns,
           const std::string& name) {
  if (Mentions(where, name)) return true;
  return std::any_of(columns.begin(), columns.end(), [&](const ColumnSchema& column) {
    return Mentions(column.generation_expression, name) && Reads(where, columns, column.name);
  });
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
  for (const std::string& column : key.columns) {
    if (key.on_delete == "CASCADE" && !to->Carries(column)) {
      return fmt::format("is over {}, which is not selected", column);
    }
    if (ChangesChildren(key) && Reads(to->where, columns, column)) {
      return fmt::format("changes {}, which the filter of the rows reads", column);
    }
  }
  return "";
}

}  // namespace godwit
