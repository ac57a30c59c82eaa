// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/table_schema.h"

namespace godwit {

// A place in an expression's SQL where a name stands, in backquotes or bare. What is inside of
// string literals and what is called as a function is none.
struct NameInExpression {
  size_t at = 0;
  size_t length = 0;  // with the quotes
  bool is_quoted = false;
  std::string name;
};

std::vector<NameInExpression> NamesIn(std::string_view expression);

bool Mentions(std::string_view expression, std::string_view column);

// What a row filter reads of a table with these columns: the names in it, and those in what
// generated columns among them are computed from.
std::vector<std::string> ColumnsReadBy(std::string_view filter,
                                       std::span<const ColumnSchema> columns);

// The expression with a column's new name. nullopt where the name stands bare: it may be a keyword
// then. `is_column_list`: bare names are columns (PARTITION BY KEY (a, b)).
enum class BareNames { kUncertain, kColumns };
std::optional<std::string> RenameIn(std::string_view expression, std::string_view from,
                                    std::string_view to, BareNames bare);

}  // namespace godwit
