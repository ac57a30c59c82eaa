// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "model/table_schema.h"
#include "translate/row_predicate.h"

namespace godwit {

// Compiles a row filter in SQL-WHERE form over the columns of one table (grammar and semantics:
// docs/row-filter.md). Throws FILTER_INVALID with the place and what was expected. The result may
// be used from any thread.
std::shared_ptr<const RowPredicate> ParseRowFilter(std::string_view where,
                                                   const TableSchema& table);

}  // namespace godwit
