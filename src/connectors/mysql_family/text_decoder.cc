// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/text_decoder.h"

#include <fmt/format.h>
#include <iconv.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"

namespace godwit::mysql {
namespace {

// The room for a result is that of its longest form: of a large text, step by step.
constexpr size_t kStep = 1 << 20;

}  // namespace

TextDecoder::TextDecoder(std::string_view charset, std::shared_ptr<const CharsetTable> table)
    : charset_(charset), table_(std::move(table)) {
  if (IsUtf8(charset) || table_ != nullptr) return;
  iconv_t handle = reinterpret_cast<iconv_t>(-1);
  const std::string wide(WideUnicode(charset));
  if (!wide.empty()) handle = iconv_open("UTF-8", wide.c_str());
  if (handle == reinterpret_cast<iconv_t>(-1)) {
    throw Error({.code = "CHARSET_UNSUPPORTED",
                 .kind = ErrorKind::kBlocked,
                 .side = Side::kSource,
                 .message = fmt::format("text in the character set {} cannot be read", charset),
                 .cause = "the server does not say what its characters are",
                 .remedy = "convert the column to utf8mb4, or leave its table out"});
  }
  iconv_ = handle;
}

TextDecoder::~TextDecoder() {
  if (iconv_ != nullptr) iconv_close(iconv_);
}

void TextDecoder::Append(std::string& out, std::string_view bytes) {
  if (table_ != nullptr) {
    AppendByTable(out, bytes);
  } else if (iconv_ != nullptr) {
    AppendWide(out, bytes);
  } else {
    out.append(bytes);
  }
}

std::string TextDecoder::Decode(std::string_view bytes) {
  std::string out;
  Append(out, bytes);
  return out;
}

void TextDecoder::AppendByTable(std::string& out, std::string_view bytes) {
  while (!bytes.empty()) {
    // The step's last character may reach beyond it.
    const size_t end = bytes.size() - std::min(bytes.size(), kStep);
    const size_t from = out.size();
    out.resize(from + (bytes.size() - end) * CharsetTable::kLongest);
    char* to = out.data() + from;
    while (bytes.size() > end) {
      size_t taken = table_->Write(to, bytes);
      if (taken == 0) {
        *to++ = kUndecodable;
        *to++ = bytes[0];
        taken = 1;
      }
      bytes.remove_prefix(taken);
    }
    out.resize(static_cast<size_t>(to - out.data()));
  }
}

void TextDecoder::AppendWide(std::string& out, std::string_view bytes) {
  iconv(iconv_, nullptr, nullptr, nullptr, nullptr);
  char* from = const_cast<char*>(bytes.data());  // iconv's signature; it does not write there
  size_t left = bytes.size();
  while (left > 0) {
    const size_t size = out.size();
    size_t room = std::min(left, kStep) * 2 + 8;
    out.resize(size + room);
    char* to = out.data() + size;
    size_t result = iconv(iconv_, &from, &left, &to, &room);
    int error = errno;
    out.resize(static_cast<size_t>(to - out.data()));
    if (result != static_cast<size_t>(-1) || error == E2BIG) continue;
    out += kUndecodable;
    out += *from++;
    --left;
  }
}

TextDecoder& TextDecoders::Of(const std::string& charset) {
  auto& decoder = decoders_[charset];
  if (!decoder) decoder = std::make_unique<TextDecoder>(charset, charsets_->Of(charset));
  return *decoder;
}

}  // namespace godwit::mysql
