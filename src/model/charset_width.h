// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "model/table_schema.h"

namespace godwit {

// Bytes that the widest character of a character set takes, 0 if it is not known.
int CharsetWidth(std::string_view charset);

// MySQL gives a TEXT column the next larger type where its conversion to another charset could
// otherwise cut it. Changes the type accordingly; false where it cannot be known.
bool WidenText(ColumnSchema& column, std::string_view charset);

}  // namespace godwit
