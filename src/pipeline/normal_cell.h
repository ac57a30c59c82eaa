// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/logical_type.h"

namespace godwit {

// The form in which two cells are byte-equal where their columns, of types that hold the same
// values, hold the same one: canonical cells of DECIMAL(10,2) and DECIMAL(20,4) are not.
enum class NormalCell : uint8_t {
  kBytes,    // as they are
  kJson,     // NormalForm of JSON
  kChar,     // without trailing blanks
  kDecimal,  // without zeros at the end of its decimals
  kDouble,   // a number in the shortest text of a double
  kMoment,   // with a time of day and six decimals
  kBit,      // without zero bytes in front
  kSet,      // labels in the order of their bytes
};

NormalCell NormalCellOf(const LogicalType& a, const LogicalType& b);

std::string Normalized(NormalCell form, std::string_view cell);

// Whether servers write the two types alike, so that sums over their text can be compared.
bool IsWrittenAlike(NormalCell form);

}  // namespace godwit
