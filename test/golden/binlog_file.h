// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/byte_reader.h"

namespace godwit::golden {

inline std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The events of a binary log file, one after another.
class BinlogFile {
 public:
  explicit BinlogFile(std::string_view bytes) : in_(bytes, "a binary log file") {
    if (in_.Bytes(4) != "\xfe\x62in") throw std::runtime_error("no binary log file");
  }
  bool Next(std::string_view& event) {
    if (in_.empty()) return false;
    ByteReader header = in_;
    header.Skip(9);
    event = in_.Bytes(header.U32());
    return true;
  }

 private:
  ByteReader in_;
};

}  // namespace godwit::golden
