// SPDX-License-Identifier: Apache-2.0
#include "model/schema_change.h"

#include <algorithm>
#include <utility>

#include "model/alteration.h"

namespace godwit {

std::optional<AlteredTable> AlterTable(const TableSchema& table,
                                       const std::vector<AlterAction>& actions) {
  return Alteration(table, actions).Run();
}

std::optional<TableSchema> ApplyActions(const TableSchema& table,
                                        const std::vector<AlterAction>& actions) {
  const bool is_unknown = std::any_of(
      actions.begin(), actions.end(),
      [](const AlterAction& action) { return action.kind == AlterAction::Kind::kUnknown; });
  auto altered = is_unknown ? std::nullopt : AlterTable(table, actions);
  if (!altered || !altered->is_whole) return {};
  return std::move(altered->table);
}

std::vector<AlterAction> WithNames(const TableSchema& table,
                                   const std::vector<AlterAction>& actions) {
  return Alteration(table, actions).Named();
}

}  // namespace godwit
