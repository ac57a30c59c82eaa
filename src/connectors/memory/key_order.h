// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "model/chunk.h"
#include "model/table_schema.h"

namespace godwit::memory {

// The server's order of keys: integers and decimals by number, all else by bytes. A range of keys
// means what the server's own order says, so whoever cuts ranges must ask the server (Boundary),
// never sort cells itself.
class KeyLess {
 public:
  KeyLess() = default;
  KeyLess(const TableSchema& table, const std::vector<int>& columns);

  int Compare(const KeyTuple& a, const KeyTuple& b) const;
  bool operator()(const KeyTuple& a, const KeyTuple& b) const { return Compare(a, b) < 0; }

 private:
  std::vector<bool> is_number_;
};

// Two canonical cells of an integer or decimal column.
int CompareNumbers(std::string_view a, std::string_view b);

}  // namespace godwit::memory
