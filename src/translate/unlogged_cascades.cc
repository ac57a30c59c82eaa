// SPDX-License-Identifier: Apache-2.0
#include "translate/unlogged_cascades.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "model/expression_names.h"
#include "model/names.h"

namespace godwit {
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
  const std::vector<std::string> read = ColumnsReadBy(to->where, columns);
  for (const std::string& column : key.columns) {
    if ((key.on_delete == "CASCADE" || changes_carried) && !to->Carries(column)) {
      return fmt::format("is over {}, which is not selected", column);
    }
    const bool is_read = std::any_of(read.begin(), read.end(), [&](const std::string& name) {
      return EqualNames(name, column);
    });
    if (is_read && ChangesChildren(key)) {
      return fmt::format("changes {}, which the filter of the rows reads", column);
    }
  }
  return "";
}

}  // namespace godwit
