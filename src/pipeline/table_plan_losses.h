// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "model/object_rules.h"
#include "model/table_schema.h"

namespace godwit {

// What the destination's column makes of some of the source's values without a word; "" where it
// keeps every value that it takes. One that it refuses is no loss: it is asked about.
std::string LossOf(const ColumnSchema& from, const ColumnSchema& to);

bool IsNumber(TypeKind kind);

// Whether a floating point number of so many bits has the digits for every value of a number's
// type.
bool HasDigitsFor(int bits, const LogicalType& number);

// A column of the destination, and what it does to values.
struct LossyColumn {
  std::string name;
  std::string loss;  // "it rounds fractions of a second to 0 digits"
};

// Of the columns that the mapping carries into a table that exists. What one side lacks is passed
// over. A definition translated for the destination will do for the source's, with no mapping.
std::vector<LossyColumn> FindLossyColumns(const TableSchema& source, const TableSchema& destination,
                                          const TableMapping& mapping);

}  // namespace godwit
