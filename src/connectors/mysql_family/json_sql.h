// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace godwit::mysql {

// Appends an expression for this document, of type JSON. OceanBase reads a floating-point number in
// a document's text by an algorithm that may miss the nearest double (19.810000000000002 becomes
// 19.81), and one in a statement exactly. So numbers that need more than 15 digits, or a power of
// ten above 22, are put into the document by functions, and the rest of it stays text.
void AppendJsonExpression(std::string& out, std::string_view document);

// Whether the text alone would do: most documents' does.
bool IsExactAsText(std::string_view document);

}  // namespace godwit::mysql
