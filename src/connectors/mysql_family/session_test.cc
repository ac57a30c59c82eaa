// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/session.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace godwit::mysql {
namespace {

std::string Escaped(std::string_view bytes) {
  std::string out;
  Session::AppendEscaped(out, bytes);
  return out;
}

// As the manual has it, byte by byte.
std::string EscapedSlowly(std::string_view bytes) {
  constexpr std::string_view kSpecial("\0'\\\n\r\x1a", 6);
  constexpr std::string_view kEscapes = "0'\\nrZ";
  std::string out;
  for (char byte : bytes) {
    const size_t at = kSpecial.find(byte);
    if (at != std::string_view::npos) out += '\\';
    out += at == std::string_view::npos ? byte : kEscapes[at];
  }
  return out;
}

TEST(SessionTest, EverySpecialByteIsEscapedAtEveryPlace) {
  for (int byte = 0; byte < 256; ++byte) {
    for (size_t place = 0; place < 20; ++place) {
      std::string text(20, 'x');
      text[place] = static_cast<char>(byte);
      EXPECT_EQ(Escaped(text), EscapedSlowly(text)) << byte << " at " << place;
    }
  }
}

TEST(SessionTest, RandomBytesAreEscapedAsOneByOne) {
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    std::string text(random() % 70, '\0');
    for (char& byte : text) {
      byte = random() % 4 == 0 ? "\0'\\\n\r\x1a\t~"[random() % 8] : static_cast<char>(random());
    }
    ASSERT_EQ(Escaped(text), EscapedSlowly(text));
  }
}

TEST(Shown, IsTextAndNothingThatATerminalObeys) {
  EXPECT_EQ(Shortened("a\tä漢😀\x1b[2J", 99), "a ä漢😀 [2J");
  EXPECT_EQ(Shortened("\xc1\xa1 \xe0\x80\xaf \xf5\x80\x80\x80 \xed\xa0\x80", 99),
            "?? ??? ???? ???");                // none of these is UTF-8
  EXPECT_EQ(Shortened("\xc2\x9b", 99), "??");  // CSI
  EXPECT_EQ(Shortened("abcdef", 3), "abc… (6 bytes)");
}

}  // namespace
}  // namespace godwit::mysql
