// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

namespace godwit {

// A buffer that a large value has grown beyond this is not kept for the next one.
inline constexpr size_t kLargeBuffer = 4 << 20;

inline void GiveBackIfLarge(std::string& buffer) {
  if (buffer.capacity() > kLargeBuffer) std::string().swap(buffer);
}

}  // namespace godwit
