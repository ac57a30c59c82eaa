// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/error.h"

namespace godwit {

// Reads bytes that came from outside. Every read is checked against the end; running past it
// throws CORRUPT_BYTES with `what` in the message. Does not own the bytes. Little endian unless
// the name says otherwise (all hosts we build for are little endian).
class ByteReader {
 public:
  ByteReader(std::string_view bytes, std::string_view what) : bytes_(bytes), what_(what) {}

  size_t remaining() const { return bytes_.size() - at_; }
  size_t position() const { return at_; }
  bool empty() const { return at_ == bytes_.size(); }

  std::string_view Bytes(size_t n) {
    if (n > remaining()) [[unlikely]]
      Fail(n);
    std::string_view out = bytes_.substr(at_, n);
    at_ += n;
    return out;
  }
  std::string_view Rest() { return Bytes(remaining()); }
  void Skip(size_t n) { Bytes(n); }

  uint8_t U8() { return static_cast<uint8_t>(Bytes(1)[0]); }
  uint16_t U16() { return Fixed<uint16_t>(); }
  uint32_t U32() { return Fixed<uint32_t>(); }
  uint64_t U64() { return Fixed<uint64_t>(); }
  // n bytes, n in 1..8.
  uint64_t UInt(size_t n) {
    std::string_view b = Bytes(n);
    uint64_t value = 0;
    std::memcpy(&value, b.data(), n);
    return value;
  }
  uint64_t UIntBigEndian(size_t n) {
    std::string_view b = Bytes(n);
    uint64_t value = 0;
    for (char c : b) value = (value << 8) | static_cast<uint8_t>(c);
    return value;
  }
  // LEB128 as written by AppendVarint.
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      uint8_t b = U8();
      value |= static_cast<uint64_t>(b & 0x7f) << shift;
      if (b < 0x80) return value;
    }
    Fail(0);
  }
  std::string_view LengthPrefixed() {
    uint64_t n = Varint();
    return Bytes(n);
  }

 private:
  template <typename T>
  T Fixed() {
    T value;
    std::memcpy(&value, Bytes(sizeof(T)).data(), sizeof(T));
    return value;
  }
  [[noreturn]] void Fail(size_t wanted) const;

  std::string_view bytes_;
  std::string_view what_;
  size_t at_ = 0;
};

}  // namespace godwit
