// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace godwit::mysql {

// MySQL's binary JSON (sql-common/json_binary.h) as the text that a SELECT shows. Throws
// CORRUPT_BYTES.
void AppendJsonText(std::string& out, std::string_view binary);

// Applies the differences of a PARTIAL_UPDATE_ROWS event to the binary document before it and
// appends the text of the result. Throws CORRUPT_BYTES; JSON_DIFF_MISFIT (kBlocked) where a
// difference names a place that the document does not have.
void AppendPatchedJsonText(std::string& out, std::string_view before, std::string_view differences);

}  // namespace godwit::mysql
