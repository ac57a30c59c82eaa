// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/table_schema.h"

namespace godwit {

// Canonical cells of a whole key, in key order.
using KeyTuple = std::vector<std::string>;

// Keys k with after < k ≤ through, in the key's own collation; a missing end is open.
struct KeyRange {
  std::optional<KeyTuple> after;
  std::optional<KeyTuple> through;

  bool operator==(const KeyRange&) const = default;
};

// Unit of copy and resume. Chunks of a table do not overlap and together cover it.
struct Chunk {
  uint64_t id = 0;  // unique in the link, from 1
  TableName table;
  uint64_t generation = 0;  // raised when the table is copied again from the start
  KeyRange range;           // both ends open for a whole table
  bool is_last = false;     // nothing lies above it
};

}  // namespace godwit
