// SPDX-License-Identifier: Apache-2.0
#include "base/byte_reader.h"

#include <fmt/format.h>

namespace godwit {

void ByteReader::Fail(size_t wanted) const {
  throw Error(
      {.code = "CORRUPT_BYTES",
       .kind = ErrorKind::kBlocked,
       .message = fmt::format("{}: {} bytes wanted at offset {}, {} left", what_, wanted, at_,
                              remaining()),
       .cause = "the bytes are damaged, truncated, or of a format this version does not know",
       .remedy = "check the server's log files and the state directory's disk"});
}

}  // namespace godwit
