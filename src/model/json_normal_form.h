// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace godwit {

// JSON text with keys sorted by their bytes (of equal keys the last one stays), without blanks,
// escapes only where JSON needs them, numbers exact: an integer stays an integer, a number with a
// fraction or exponent keeps at least one decimal and loses only meaningless zeros. nullopt where
// the text is not JSON or nested deeper than any server allows.
std::optional<std::string> JsonNormalForm(std::string_view text);

}  // namespace godwit
