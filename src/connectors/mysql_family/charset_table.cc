// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/charset_table.h"

#include <fmt/format.h>
#include <iconv.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/hex.h"

namespace godwit::mysql {
namespace {

// What a server puts in the place of a character that Unicode does not have.
constexpr std::string_view kSubstitute = "?";
constexpr std::string_view kReplacement = "\xef\xbf\xbd";
constexpr char kEucThree = static_cast<char>(0x8f);
constexpr size_t kQuadsOfLead = 10 * 126 * 10;
constexpr size_t kQuadLeads = 4;  // 0x81 to 0x84 reach U+FFFF
constexpr uint8_t kFirstSupplementary = 0x90;
constexpr int kUnknownCharset = 1115;

bool HasTriples(std::string_view charset) { return charset == "ujis" || charset == "eucjpms"; }
bool HasQuads(std::string_view charset) { return charset == "gb18030"; }
bool HasPairs(std::string_view charset) {
  constexpr std::array<std::string_view, 9> kSets = {"big5",  "gbk",   "gb2312", "gb18030", "sjis",
                                                     "cp932", "euckr", "ujis",   "eucjpms"};
  return std::find(kSets.begin(), kSets.end(), charset) != kSets.end();
}

// The number of a sequence of four bytes of GB 18030 from its lead's first on; nullopt for none.
std::optional<size_t> Linear(std::string_view bytes) {
  auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  auto is_digit = [](uint8_t b) { return b >= 0x30 && b <= 0x39; };
  if (bytes.size() < 4 || !is_digit(at(1)) || !is_digit(at(3)) || at(2) < 0x81 || at(2) > 0xfe) {
    return {};
  }
  return (static_cast<size_t>(at(1) - 0x30) * 126 + (at(2) - 0x81u)) * 10 + (at(3) - 0x30u);
}

struct SystemSet {
  std::string_view name;
  const char* iconv;
};

// MySQL's names and iconv's. Its latin1 is Windows' with the five holes as C1 controls.
constexpr std::array kSystemSets = {
    SystemSet{"latin1", "CP1252"},
    SystemSet{"ascii", "ASCII"},
    SystemSet{"latin2", "ISO-8859-2"},
    SystemSet{"latin5", "ISO-8859-9"},
    SystemSet{"latin7", "ISO-8859-13"},
    SystemSet{"cp1250", "CP1250"},
    SystemSet{"cp1251", "CP1251"},
    SystemSet{"cp1256", "CP1256"},
    SystemSet{"cp1257", "CP1257"},
    SystemSet{"cp850", "CP850"},
    SystemSet{"cp852", "CP852"},
    SystemSet{"koi8r", "KOI8-R"},
    SystemSet{"gbk", "GBK"},
    SystemSet{"gb2312", "EUC-CN"},
    SystemSet{"cp932", "CP932"},
    SystemSet{"euckr", "UHC"},
};

class Iconv {
 public:
  explicit Iconv(const char* from) : handle_(iconv_open("UTF-8", from)) {}
  ~Iconv() {
    if (is_open()) iconv_close(handle_);
  }
  Iconv(const Iconv&) = delete;
  Iconv& operator=(const Iconv&) = delete;

  bool is_open() const { return handle_ != reinterpret_cast<iconv_t>(-1); }
  // Empty where the set has no such character.
  std::string Convert(std::string bytes) {
    char out[16];
    char* from = bytes.data();
    char* to = out;
    size_t left = bytes.size();
    size_t room = sizeof(out);
    iconv(handle_, nullptr, nullptr, nullptr, nullptr);
    if (iconv(handle_, &from, &left, &to, &room) == static_cast<size_t>(-1)) return "";
    return {out, sizeof(out) - room};
  }

 private:
  iconv_t handle_;
};

// A table of the digits, one of them in each row.
std::string Digits(std::string_view digits, char name) {
  std::string rows;
  for (char digit : digits) {
    rows += fmt::format("{}'{}'{}", rows.empty() ? "SELECT " : " UNION ALL SELECT ", digit,
                        rows.empty() ? " h" : "");
  }
  return fmt::format("({}) {}", rows, name);
}

constexpr std::string_view kHex = "0123456789ABCDEF";
constexpr std::string_view kDecimal = "0123456789";

// Asks for every character whose bytes are UNHEX(CONCAT(`form`)) over these digits, and that is one
// character in both sets.
std::string Question(const std::string& charset, std::string_view form, const std::string& from) {
  const std::string text = fmt::format("CONVERT(b USING {})", charset);
  const std::string utf8 = fmt::format("CONVERT({} USING utf8mb4)", text);
  return fmt::format(
      "SELECT HEX(b),HEX({1}) FROM (SELECT UNHEX(CONCAT({2})) b FROM {3}) t WHERE "
      "CHAR_LENGTH({0})=1 AND CHAR_LENGTH({1})=1 AND HEX({0})=HEX(b)",
      text, utf8, form, from);
}

}  // namespace

bool IsUtf8(std::string_view charset) {
  return charset == "utf8mb4" || charset == "utf8mb3" || charset == "utf8" || charset == "binary";
}

std::string_view WideUnicode(std::string_view charset) {
  if (charset == "ucs2" || charset == "utf16") return "UTF-16BE";
  if (charset == "utf16le") return "UTF-16LE";
  return charset == "utf32" ? "UTF-32BE" : "";
}

std::vector<CharsetTable::Character> CharsetTable::Empty(size_t count) {
  return std::vector<Character>(count, Character{kUndefined});
}

CharsetTable::Character* CharsetTable::Place(std::string_view bytes) {
  auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  if (bytes.size() == 1) return &singles_[at(0)];
  if (singles_[at(0)][0] != kUndefined) return nullptr;  // two characters
  if (bytes.size() == 2 && !pairs_.empty()) return &pairs_[at(0) << 8 | at(1)];
  if (bytes.size() == 3 && !triples_.empty()) return &triples_[at(1) << 8 | at(2)];
  if (bytes.size() != 4 || quads_.empty() || at(0) < 0x81) return nullptr;
  const auto number = Linear(bytes);
  const size_t lead = at(0) - 0x81u;
  return number && lead < kQuadLeads ? &quads_[lead * kQuadsOfLead + *number] : nullptr;
}

void CharsetTable::Define(std::string_view bytes, std::string_view utf8) {
  if (utf8.empty() || utf8.size() > kLongest) return;
  if (utf8 == kSubstitute && bytes != kSubstitute) return;
  if (utf8 == kReplacement && bytes.size() < 4) return;
  Character* place = Place(bytes);
  if (place != nullptr) std::memcpy(place->data(), utf8.data(), utf8.size());
}

std::shared_ptr<const CharsetTable> CharsetTable::FromServer(Session& session,
                                                             const std::string& charset) {
  auto table = std::make_shared<CharsetTable>();
  auto ask = [&](std::string_view form, const std::string& from) {
    for (const Row& row : session.Query(Question(charset, form, from))) {
      table->Define(FromHex(row.at(0).value_or("")), FromHex(row.at(1).value_or("")));
    }
  };
  const std::string two = Digits(kHex, 'a') + "," + Digits(kHex, 'b');
  const std::string four = two + "," + Digits(kHex, 'c') + "," + Digits(kHex, 'd');
  ask("a.h,b.h", two);
  if (HasPairs(charset)) {
    table->pairs_ = Empty(1 << 16);
    ask("a.h,b.h,c.h,d.h", four);
  }
  if (HasTriples(charset)) {
    table->triples_ = Empty(1 << 16);
    ask("'8F',a.h,b.h,c.h,d.h", four);
  }
  if (HasQuads(charset)) {
    table->quads_ = Empty(kQuadLeads * kQuadsOfLead);
    ask("'8',a.h,'3',b.h,c.h,d.h,'3',e.h", Digits("1234", 'a') + "," + Digits(kDecimal, 'b') + "," +
                                               Digits(kHex, 'c') + "," + Digits(kHex, 'd') + "," +
                                               Digits(kDecimal, 'e'));
  }
  return table;
}

std::shared_ptr<const CharsetTable> CharsetTable::FromSystem(const std::string& charset) {
  auto known = std::find_if(kSystemSets.begin(), kSystemSets.end(),
                            [&](const SystemSet& set) { return set.name == charset; });
  if (known == kSystemSets.end()) return nullptr;
  Iconv system(known->iconv);
  if (!system.is_open()) return nullptr;
  auto table = std::make_shared<CharsetTable>();
  for (int b = 0; b < 256; ++b) {
    const std::string bytes(1, static_cast<char>(b));
    std::string utf8 = system.Convert(bytes);
    if (utf8.empty() && charset == "latin1") utf8 = "\xc2" + bytes;
    table->Define(bytes, utf8);
  }
  if (!HasPairs(charset)) return table;
  table->pairs_ = Empty(1 << 16);
  for (int first = 0x80; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string bytes{static_cast<char>(first), static_cast<char>(second)};
      table->Define(bytes, system.Convert(bytes));
    }
  }
  return table;
}

bool CharsetTable::Put(char*& to, const Character& character) {
  if (character[0] == kUndefined) return false;
  std::memcpy(to, character.data(), kLongest);
  const auto lead = static_cast<uint8_t>(character[0]);
  to += lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return true;
}

size_t CharsetTable::Write(char*& to, std::string_view bytes) const {
  auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  if (bytes.empty()) return 0;
  if (Put(to, singles_[at(0)])) return 1;
  if (bytes.size() < 2 || pairs_.empty()) return 0;
  if (Put(to, pairs_[at(0) << 8 | at(1)])) return 2;
  if (!triples_.empty() && bytes.size() >= 3 && bytes[0] == kEucThree) {
    return Put(to, triples_[at(1) << 8 | at(2)]) ? 3 : 0;
  }
  if (quads_.empty() || at(0) < 0x81) return 0;
  const auto number = Linear(bytes);
  if (!number) return 0;
  const size_t lead = at(0) - 0x81u;
  if (lead < kQuadLeads) return Put(to, quads_[lead * kQuadsOfLead + *number]) ? 4 : 0;
  if (at(0) < kFirstSupplementary) return 0;
  // The rest of Unicode follows in its order.
  const size_t point = 0x10000 + (at(0) - size_t{kFirstSupplementary}) * kQuadsOfLead + *number;
  if (point > 0x10ffff) return 0;
  return Put(to,
             {static_cast<char>(0xf0 | point >> 18), static_cast<char>(0x80 | (point >> 12 & 0x3f)),
              static_cast<char>(0x80 | (point >> 6 & 0x3f)),
              static_cast<char>(0x80 | (point & 0x3f))})
             ? 4
             : 0;
}

std::shared_ptr<const CharsetTable> Charsets::Of(const std::string& charset) {
  if (IsUtf8(charset) || !WideUnicode(charset).empty()) return nullptr;
  MutexLock lock(mutex_);
  auto [at, is_new] = tables_.try_emplace(charset);
  if (!is_new) return at->second;
  try {
    if (!connect_) {
      at->second = CharsetTable::FromSystem(charset);
    } else {
      at->second = CharsetTable::FromServer(*connect_(), charset);
    }
  } catch (const Error& error) {
    tables_.erase(at);
    if (error.fields().native != kUnknownCharset) throw;
    return nullptr;
  }
  return at->second;
}

}  // namespace godwit::mysql
