// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "connectors/mysql_family/charset_table.h"

namespace godwit::mysql {

// Stands in no UTF-8. A cell that has it can be kept, compared and shown, and is refused where it
// is to be written (AppendLiteral), so that it becomes the user's to decide.
inline constexpr char kUndecodable = static_cast<char>(0xff);

// Turns text of one of the server's character sets into UTF-8. One thread at a time.
class TextDecoder {
 public:
  // `table` is the set's; none for the forms of Unicode. Throws CHARSET_UNSUPPORTED (kBlocked).
  TextDecoder(std::string_view charset, std::shared_ptr<const CharsetTable> table);
  ~TextDecoder();
  TextDecoder(const TextDecoder&) = delete;
  TextDecoder& operator=(const TextDecoder&) = delete;

  bool passes_through() const { return table_ == nullptr && iconv_ == nullptr; }
  // A byte that begins no character of the set comes behind kUndecodable.
  void Append(std::string& out, std::string_view bytes);
  std::string Decode(std::string_view bytes);

 private:
  void AppendByTable(std::string& out, std::string_view bytes);
  void AppendWide(std::string& out, std::string_view bytes);

  const std::string charset_;
  const std::shared_ptr<const CharsetTable> table_;
  void* iconv_ = nullptr;
};

// The decoders of one thread, by the tables of one server.
class TextDecoders {
 public:
  explicit TextDecoders(std::shared_ptr<Charsets> charsets) : charsets_(std::move(charsets)) {}
  TextDecoder& Of(const std::string& charset);

 private:
  const std::shared_ptr<Charsets> charsets_;
  std::map<std::string, std::unique_ptr<TextDecoder>> decoders_;
};

}  // namespace godwit::mysql
