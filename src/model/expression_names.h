// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

// The expression with a column's new name. nullopt where the name stands bare: it may be a keyword
// then. `is_column_list`: bare names are columns (PARTITION BY KEY (a, b)).
enum class BareNames { kUncertain, kColumns };
std::optional<std::string> RenameIn(std::string_view expression, std::string_view from,
                                    std::string_view to, BareNames bare);

}  // namespace godwit
