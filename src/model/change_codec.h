// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "model/change.h"
#include "model/schema_change.h"

namespace godwit {

// The Store's form of changes (docs/formats.md). A RowsChange names its definition by
// schema_version alone; the decoded one has no `table` until the reader looks it up. Decoding
// throws CORRUPT_BYTES.
void AppendEncoded(std::string& out, const RowsChange& change);
RowsChange DecodeRowsChange(std::string_view bytes);

void AppendEncoded(std::string& out, const SchemaChange& change);
SchemaChange DecodeSchemaChange(std::string_view bytes);

}  // namespace godwit
