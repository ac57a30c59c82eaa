// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace godwit {

inline char FoldAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// The name, in UTF-8, in small letters: of all scripts, as servers fold names (MySQL's
// my_casedn_str of utf8mb3_general_ci), one letter for one.
std::string FoldedName(std::string_view name);

// Names of columns, indexes and partitions compare without case.
bool EqualNames(std::string_view a, std::string_view b);

}  // namespace godwit
