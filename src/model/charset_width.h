// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "model/table_schema.h"

namespace godwit {

// Bytes that the widest character of a character set takes, 0 if it is not known.
int CharsetWidth(std::string_view charset);

// What CONVERT TO CHARACTER SET makes of a TEXT column: the next larger type where as many of the
// widest characters would not fit ("ALTER TABLE Statement" in MySQL's manual). Both change the type
// only; false where it cannot be known.
bool ConvertText(ColumnSchema& column, std::string_view charset);

// The type that whatever the TEXT column holds fits in, in another charset.
bool WidenText(ColumnSchema& column, std::string_view charset);

}  // namespace godwit
