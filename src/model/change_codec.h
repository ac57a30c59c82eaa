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

// A large change goes in pieces: its frame is all but the cells' bytes, which follow, those of
// `before` first. Neither side then holds a second copy of them.
void AppendFrame(std::string& out, const RowsChange& change);

// Puts such a change together. Throws CORRUPT_BYTES.
class FramedChange {
 public:
  // `most`: bytes that the pieces can have.
  FramedChange(std::string_view frame, uint64_t most);

  uint64_t lacking() const;
  void Append(std::string_view piece);
  RowsChange Take();

 private:
  RowsChange change_;
};

void AppendEncoded(std::string& out, const SchemaChange& change);
SchemaChange DecodeSchemaChange(std::string_view bytes);

}  // namespace godwit
