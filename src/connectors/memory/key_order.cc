// SPDX-License-Identifier: Apache-2.0
#include "connectors/memory/key_order.h"

#include <algorithm>

namespace godwit::memory {

KeyLess::KeyLess(const TableSchema& table, const std::vector<int>& columns) {
  for (int c : columns) {
    const TypeKind kind = table.columns[static_cast<size_t>(c)].type.kind;
    is_number_.push_back(kind == TypeKind::kInteger || kind == TypeKind::kDecimal);
  }
}

int KeyLess::Compare(const KeyTuple& a, const KeyTuple& b) const {
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const bool is_number = i < is_number_.size() && is_number_[i];
    const int order = is_number ? CompareNumbers(a[i], b[i]) : a[i].compare(b[i]);
    if (order != 0) return order < 0 ? -1 : 1;
  }
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

// Canonical cells have no leading zeros but the one before the point, and one column's cells have
// equally many decimals: the longer number is the greater one.
int CompareNumbers(std::string_view a, std::string_view b) {
  const bool a_negative = a.starts_with('-');
  const bool b_negative = b.starts_with('-');
  if (a_negative != b_negative) return a_negative ? -1 : 1;
  int order = a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : a.compare(b);
  if (a_negative) order = -order;
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

}  // namespace godwit::memory
