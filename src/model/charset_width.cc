// SPDX-License-Identifier: Apache-2.0
#include "model/charset_width.h"

#include <algorithm>
#include <array>

namespace godwit {
namespace {

struct Width {
  std::string_view charset;
  int bytes;
};

constexpr std::array kWidths = {
    Width{"utf8mb4", 4},  Width{"utf8", 3},     Width{"utf8mb3", 3}, Width{"latin1", 1},
    Width{"ascii", 1},    Width{"binary", 1},   Width{"gbk", 2},     Width{"gb2312", 2},
    Width{"gb18030", 4},  Width{"big5", 2},     Width{"sjis", 2},    Width{"cp932", 2},
    Width{"ujis", 3},     Width{"eucjpms", 3},  Width{"euckr", 2},   Width{"ucs2", 2},
    Width{"utf16", 4},    Width{"utf16le", 4},  Width{"utf32", 4},   Width{"latin2", 1},
    Width{"latin5", 1},   Width{"latin7", 1},   Width{"cp1250", 1},  Width{"cp1251", 1},
    Width{"cp1256", 1},   Width{"cp1257", 1},   Width{"cp850", 1},   Width{"cp852", 1},
    Width{"cp866", 1},    Width{"greek", 1},    Width{"hebrew", 1},  Width{"koi8r", 1},
    Width{"koi8u", 1},    Width{"tis620", 1},   Width{"dec8", 1},    Width{"hp8", 1},
    Width{"swe7", 1},     Width{"macroman", 1}, Width{"macce", 1},   Width{"keybcs2", 1},
    Width{"armscii8", 1}, Width{"geostd8", 1},
};

struct TextType {
  std::string_view name;
  uint64_t limit;
};

constexpr std::array kTextTypes = {TextType{"tinytext", 0xff}, TextType{"text", 0xffff},
                                   TextType{"mediumtext", 0xffffff},
                                   TextType{"longtext", 0xffffffff}};

// Whether a character can take more bytes in UTF-8, though the widest ones do not: two of gb18030
// and utf16 become three.
bool GrowsInUtf8(std::string_view charset) {
  static constexpr std::array<std::string_view, 6> kOthers = {"utf8mb4", "utf8",   "utf8mb3",
                                                              "ascii",   "binary", "utf32"};
  return std::find(kOthers.begin(), kOthers.end(), charset) == kOthers.end();
}

// Makes it the smallest type of so many bytes.
void Resize(ColumnSchema& column, uint64_t wanted) {
  for (const TextType& type : kTextTypes) {
    if (type.limit < wanted && type.name != "longtext") continue;
    for (const TextType& old : kTextTypes) {
      if (column.native_type == old.name) column.native_type = type.name;
    }
    column.type.length = type.limit;
    return;
  }
}

}  // namespace

int CharsetWidth(std::string_view charset) {
  for (const Width& width : kWidths) {
    if (width.charset == charset) return width.bytes;
  }
  return 0;
}

bool ConvertText(ColumnSchema& column, std::string_view charset) {
  if (column.type.kind != TypeKind::kText || column.charset == charset) return true;
  const int from = CharsetWidth(column.charset);
  const int to = CharsetWidth(charset);
  if (from == 0 || to == 0) return false;
  if (to > from) Resize(column, column.type.length * static_cast<uint64_t>(to) / from);
  return true;
}

bool WidenText(ColumnSchema& column, std::string_view charset) {
  if (column.type.kind != TypeKind::kText || column.charset == charset) return true;
  const int from = CharsetWidth(column.charset);
  const int to = CharsetWidth(charset);
  if (from == 0 || to == 0) return false;
  const bool grows = charset.starts_with("utf8") ? GrowsInUtf8(column.charset) : to > 1;
  if (grows) Resize(column, column.type.length * static_cast<uint64_t>(to));
  return true;
}

}  // namespace godwit
