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

struct Charset {
  std::string_view name;
  const char* iconv;
  bool is_single_byte;
};

// MySQL's names and iconv's. Its latin1 is Windows' with the five holes as C1 controls.
constexpr std::array kCharsets = {
    Charset{"latin1", "CP1252", true},      Charset{"ascii", "ASCII", true},
    Charset{"latin2", "ISO-8859-2", true},  Charset{"latin5", "ISO-8859-9", true},
    Charset{"latin7", "ISO-8859-13", true}, Charset{"greek", "ISO-8859-7", true},
    Charset{"hebrew", "ISO-8859-8", true},  Charset{"cp1250", "CP1250", true},
    Charset{"cp1251", "CP1251", true},      Charset{"cp1256", "CP1256", true},
    Charset{"cp1257", "CP1257", true},      Charset{"cp850", "CP850", true},
    Charset{"cp852", "CP852", true},        Charset{"cp866", "CP866", true},
    Charset{"koi8r", "KOI8-R", true},       Charset{"koi8u", "KOI8-U", true},
    Charset{"tis620", "TIS-620", true},     Charset{"macroman", "MACINTOSH", true},
    Charset{"armscii8", "ARMSCII-8", true}, Charset{"geostd8", "GEORGIAN-PS", true},
    Charset{"hp8", "HP-ROMAN8", true},      Charset{"gbk", "GBK", false},
    Charset{"gb2312", "EUC-CN", false},     Charset{"gb18030", "GB18030", false},
    Charset{"big5", "BIG5", false},         Charset{"sjis", "SJIS", false},
    Charset{"cp932", "CP932", false},       Charset{"ujis", "EUC-JP", false},
    Charset{"eucjpms", "EUC-JP-MS", false}, Charset{"euckr", "UHC", false},
    Charset{"ucs2", "UTF-16BE", false},     Charset{"utf16", "UTF-16BE", false},
    Charset{"utf16le", "UTF-16LE", false},  Charset{"utf32", "UTF-32BE", false},
};

bool IsUtf8(std::string_view charset) {
  return charset == "utf8mb4" || charset == "utf8mb3" || charset == "utf8" || charset == "binary";
}

}  // namespace

TextDecoder::TextDecoder(std::string_view charset) : charset_(charset) {
  if (IsUtf8(charset)) return;
  auto known = std::find_if(kCharsets.begin(), kCharsets.end(),
                            [&](const Charset& c) { return c.name == charset; });
  iconv_t handle = reinterpret_cast<iconv_t>(-1);
  if (known != kCharsets.end()) handle = iconv_open("UTF-8", known->iconv);
  if (handle == reinterpret_cast<iconv_t>(-1)) {
    throw Error({.code = "CHARSET_UNSUPPORTED",
                 .kind = ErrorKind::kBlocked,
                 .side = Side::kSource,
                 .message = fmt::format("text in the character set {} cannot be read", charset),
                 .cause = "neither Godwit nor this system's iconv knows it",
                 .remedy = "convert the column to utf8mb4, or leave its table out"});
  }
  iconv_ = handle;
  kind_ = known->is_single_byte ? Kind::kSingleByte : Kind::kMultiByte;
  if (kind_ == Kind::kMultiByte) return;
  for (int b = 0; b < 256; ++b) {
    char in = static_cast<char>(b);
    char* from = &in;
    size_t left = 1;
    char* to = table_[b].data() + 1;
    size_t room = 3;
    iconv(handle, nullptr, nullptr, nullptr, nullptr);
    if (iconv(handle, &from, &left, &to, &room) != static_cast<size_t>(-1)) {
      table_[b][0] = static_cast<char>(3 - room);
    } else if (charset == "latin1") {
      table_[b] = {2, static_cast<char>(0xc2), in, 0};
    }
  }
}

TextDecoder::~TextDecoder() {
  if (iconv_ != nullptr) iconv_close(iconv_);
}

void TextDecoder::Append(std::string& out, std::string_view bytes) {
  switch (kind_) {
    case Kind::kUtf8:
      out.append(bytes);
      return;
    case Kind::kSingleByte:
      return AppendSingleByte(out, bytes);
    case Kind::kMultiByte:
      return AppendMultiByte(out, bytes);
  }
}

std::string TextDecoder::Decode(std::string_view bytes) {
  std::string out;
  Append(out, bytes);
  return out;
}

void TextDecoder::AppendSingleByte(std::string& out, std::string_view bytes) {
  for (size_t at = 0; at < bytes.size(); at += kStep) {
    const std::string_view step = bytes.substr(at, kStep);
    const size_t from = out.size();
    out.resize(from + 3 * step.size());
    char* to = out.data() + from;
    for (char c : step) {
      const auto& entry = table_[static_cast<uint8_t>(c)];
      if (entry[0] == 0) Undecodable(bytes);
      to[0] = entry[1];
      if (entry[0] > 1) {
        to[1] = entry[2];
        to[2] = entry[3];
      }
      to += entry[0];
    }
    out.resize(static_cast<size_t>(to - out.data()));
  }
}

void TextDecoder::AppendMultiByte(std::string& out, std::string_view bytes) {
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
    if (result == static_cast<size_t>(-1) && error != E2BIG) Undecodable(bytes);
  }
}

void TextDecoder::Undecodable(std::string_view bytes) const {
  throw Error({.code = "TEXT_UNDECODABLE",
               .kind = ErrorKind::kData,
               .side = Side::kSource,
               .message = fmt::format("a text of {} bytes is not valid {}", bytes.size(), charset_),
               .cause = "the row holds bytes that its character set does not define",
               .remedy = "correct the value at the source, or make the column binary"});
}

}  // namespace godwit::mysql
