// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace godwit {

inline char FoldAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Names of columns, indexes and partitions compare without (ASCII) case.
inline bool EqualNames(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (FoldAscii(a[i]) != FoldAscii(b[i])) return false;
  }
  return true;
}

}  // namespace godwit
