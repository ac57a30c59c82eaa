// SPDX-License-Identifier: Apache-2.0
#include "model/schema_change.h"

#include "model/alteration.h"

namespace godwit {

std::optional<TableSchema> ApplyActions(const TableSchema& table,
                                        const std::vector<AlterAction>& actions) {
  return Alteration(table, actions).Run();
}

}  // namespace godwit
