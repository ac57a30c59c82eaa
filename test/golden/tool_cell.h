// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "model/table_schema.h"

namespace godwit::golden {

enum class Tool { kMysqlbinlog, kMariadbBinlog };

// A cell as mysqlbinlog -v prints the value that it was decoded from.
std::string AsToolPrints(const ColumnSchema& column, std::string_view cell, Tool tool);

}  // namespace godwit::golden
