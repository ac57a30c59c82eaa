// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "endpoint/sink.h"

namespace godwit {

// A row for people, in the destination's terms: "id='5' part='x'" by the key, or by the first
// columns where there is none. Long cells are cut.
std::string DescribeRow(const WritePlan& plan, const RowBatch& rows, size_t row);

// A digest of these cells of a row, of all of them by default: tells apart what is described alike.
// The same each time that the row is read.
std::string DigestRow(const RowBatch& rows, size_t row, const std::vector<int>& cells = {});

}  // namespace godwit
