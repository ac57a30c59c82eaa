// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace godwit {

// A point in a source's log. The bytes belong to the connector that made them; only its
// ChangeReader and the Capturer know their order. Empty: no position.
struct Position {
  std::string bytes;

  bool empty() const { return bytes.empty(); }
  bool operator==(const Position&) const = default;
};

// Number of a transaction in the Log, from 1, without gaps. The only order replay knows.
using Sequence = uint64_t;

}  // namespace godwit
