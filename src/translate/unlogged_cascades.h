// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "model/object_rules.h"
#include "model/table_schema.h"

namespace godwit {

// Where the source does not log what its foreign keys do to children, the destination's own keys do
// it. Why this key of `child` would not do just the same to the rows that are carried; "" where it
// does. `columns`: the child's, as far as known; a filter may read them through generated ones.
std::string WhyCascadeDiffers(const TableName& child, std::span<const ColumnSchema> columns,
                              const ForeignKeySchema& key, const ObjectRules& rules);

}  // namespace godwit
