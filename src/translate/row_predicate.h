// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "model/row_batch.h"

namespace godwit {

// A compiled row filter. Immutable; any thread.
class RowPredicate {
 public:
  virtual ~RowPredicate() = default;
  // Ordinals of the table's columns it looks at, rising.
  virtual const std::vector<int>& columns() const = 0;
  // Whether the row passes (SQL's TRUE; FALSE and UNKNOWN do not). `cell_of[i]` is the place in the
  // batch of columns()[i].
  virtual bool Passes(const RowBatch& rows, size_t row, const std::vector<int>& cell_of) const = 0;
};

}  // namespace godwit
