// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace godwit::mysql {

// Turns text of one of the server's character sets into UTF-8. One thread at a time.
class TextDecoder {
 public:
  // Throws CHARSET_UNSUPPORTED (kBlocked).
  explicit TextDecoder(std::string_view charset);
  ~TextDecoder();
  TextDecoder(const TextDecoder&) = delete;
  TextDecoder& operator=(const TextDecoder&) = delete;

  bool passes_through() const { return kind_ == Kind::kUtf8; }
  // Throws TEXT_UNDECODABLE (kData).
  void Append(std::string& out, std::string_view bytes);
  std::string Decode(std::string_view bytes);

 private:
  enum class Kind { kUtf8, kSingleByte, kMultiByte };

  void AppendSingleByte(std::string& out, std::string_view bytes);
  void AppendMultiByte(std::string& out, std::string_view bytes);
  [[noreturn]] void Undecodable(std::string_view bytes) const;

  std::string charset_;
  Kind kind_ = Kind::kUtf8;
  void* iconv_ = nullptr;
  std::array<std::array<char, 4>, 256> table_{};  // length, then up to three bytes; 0: undefined
};

}  // namespace godwit::mysql
