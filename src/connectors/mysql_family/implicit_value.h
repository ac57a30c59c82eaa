// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "model/logical_type.h"

namespace godwit::mysql {

// What a server puts into a NOT NULL column without a default when an insert in lenient mode leaves
// it out ("Data Type Default Values" in MySQL's manual), in canonical form. nullopt: no such value.
std::optional<std::string> ImplicitValue(const LogicalType& type);

}  // namespace godwit::mysql
