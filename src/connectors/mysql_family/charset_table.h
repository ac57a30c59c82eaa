// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "connectors/mysql_family/session.h"

namespace godwit::mysql {

// What the characters of one of a server's character sets are in UTF-8. The server itself is asked:
// the tables of iconv differ from its own in hundreds of characters (to glibc a backslash of SJIS
// is a yen sign). Immutable.
class CharsetTable {
 public:
  // No character of UTF-8 is longer.
  static constexpr size_t kLongest = 4;

  // Up to some 60,000 rows in three queries.
  static std::shared_ptr<const CharsetTable> FromServer(Session& session,
                                                        const std::string& charset);
  // By iconv: for logs without a server. nullptr for a set that it does not know.
  static std::shared_ptr<const CharsetTable> FromSystem(const std::string& charset);

  // Writes the first character of `bytes` to `to`, which it moves on; kLongest bytes must be there.
  // Returns how many bytes it took: 0 where the set has no such character.
  size_t Write(char*& to, std::string_view bytes) const;

 private:
  // The first byte is kUndefined where there is no such character.
  using Character = std::array<char, kLongest>;
  static constexpr char kUndefined = static_cast<char>(0xff);  // begins nothing in UTF-8

  static std::vector<Character> Empty(size_t count);
  static bool Put(char*& to, const Character& character);
  // Where a sequence of these bytes belongs; nullptr for one of no form of the set's.
  Character* Place(std::string_view bytes);
  void Define(std::string_view bytes, std::string_view utf8);

  std::vector<Character> singles_ = Empty(256);
  std::vector<Character> pairs_;    // by both bytes
  std::vector<Character> triples_;  // of the EUC sets, behind 0x8f
  std::vector<Character> quads_;    // of GB 18030, up to U+FFFF, by their linear number
};

// The tables of one server, each read when it is first asked for. Thread-safe.
class Charsets {
 public:
  using Connect = std::function<std::unique_ptr<Session>()>;
  // Without `connect` they are those of this system.
  explicit Charsets(Connect connect = {}) : connect_(std::move(connect)) {}

  // nullptr for a set that has no table: one of Unicode's own forms, or unknown.
  std::shared_ptr<const CharsetTable> Of(const std::string& charset);

 private:
  const Connect connect_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<const CharsetTable>> tables_ GUARDED_BY(mutex_);
};

// UTF-8, or bytes that nobody converts.
bool IsUtf8(std::string_view charset);
// UTF-16 or UTF-32, which every iconv reads alike: its name there; else empty.
std::string_view WideUnicode(std::string_view charset);

}  // namespace godwit::mysql
