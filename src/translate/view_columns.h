// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "endpoint/catalog.h"
#include "model/object_rules.h"

namespace godwit {

// Nobody works out which table a name in a SELECT is of: a view over a table whose columns get
// other names may only use those that keep theirs. Else DDL_NOT_CONVERTIBLE (kBlocked); the view
// would fail at the destination, or show another column.
void CheckViewColumns(const ViewSchema& view, const TableName& table, const TableMapping& mapping);

}  // namespace godwit
