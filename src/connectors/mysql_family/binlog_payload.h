// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct ZSTD_DCtx_s;

namespace godwit::mysql {

// The events inside a TRANSACTION_PAYLOAD event, decompressed one at a time: memory holds one of
// them, however long the transaction is. Does not own the bytes. Throws EVENT_DAMAGED.
class PayloadReader {
 public:
  explicit PayloadReader(std::string_view body);
  ~PayloadReader();
  PayloadReader(const PayloadReader&) = delete;
  PayloadReader& operator=(const PayloadReader&) = delete;

  // Reads the next event into `event`; false behind the last.
  bool Next(std::string& event);

 private:
  // Appends up to `size` bytes to `out`; fewer at the end.
  size_t Read(std::string& out, size_t size);

  std::string_view packed_;
  size_t at_ = 0;
  ZSTD_DCtx_s* context_ = nullptr;  // none: the payload is not compressed
};

}  // namespace godwit::mysql
