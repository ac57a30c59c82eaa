// SPDX-License-Identifier: Apache-2.0
// Binary logs that real servers wrote (make.py), decoded to the text kept beside them.
//   binlog_golden_test --decode NAME       prints the text of one
//   binlog_golden_test --bench FILE SQL DB decodes a log file and prints MB/s
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

#include "test/golden/binlog_file.h"
#include "test/golden/fragment_text.h"
#include "test/golden/golden_log.h"

namespace godwit::golden {
namespace {

std::string Decode(const std::string& name) {
  std::string out;
  for (const Fragment& fragment : DecodeLog(name)) out += ToText(fragment);
  return out;
}

class Golden : public ::testing::TestWithParam<const char*> {};

TEST_P(Golden, DecodesToTheTextBesideIt) {
  EXPECT_EQ(Decode(GetParam()), ReadFile(GoldenPath(GetParam(), "txt")));
}

// Damage is found, never decoded: every event carries a checksum.
TEST_P(Golden, OneFlippedBitIsFound) {
  std::string bytes = ReadFile(GoldenPath(GetParam(), "binlog"));
  WrittenHistory history(TraitsOf(GetParam()));
  for (size_t at = 4 + 19 + 5; at < bytes.size(); at += 211) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    mysql::BinlogDecoder decoder(SourceOf(GetParam()), {"", "f.000001", 4, ""}, history);
    bool was_found = false;
    try {
      BinlogFile file(damaged);
      std::string_view event;
      while (file.Next(event)) {
        decoder.Feed(event);
        while (decoder.Pop()) {
        }
      }
    } catch (const Error&) {
      was_found = true;
    }
    EXPECT_TRUE(was_found) << "at " << at;
  }
}

INSTANTIATE_TEST_SUITE_P(Servers, Golden, ::testing::Values("mysql97", "mysql56", "mariadb"),
                         [](const auto& server) { return server.param; });

int Bench(const std::string& path, const std::string& sql, const std::string& database) {
  WrittenHistory history(TraitsOf("mysql97"));
  history.Define(ReadFile(sql), database);
  mysql::BinlogDecoder decoder(SourceOf("mysql97"), {"", "bench.000001", 4, ""}, history);
  std::string bytes = ReadFile(path);
  BinlogFile file(bytes);
  size_t rows = 0;
  std::string_view event;
  auto begin = std::chrono::steady_clock::now();
  while (file.Next(event)) {
    decoder.Feed(event);
    while (auto fragment = decoder.Pop()) {
      if (fragment->kind == Fragment::Kind::kRows) rows += fragment->rows.rows();
    }
  }
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  double megabytes = static_cast<double>(bytes.size()) / 1e6;
  fmt::print("{:.0f} MB, {} rows in {:.2f} s: {:.0f} MB/s, {:.0f} rows/s\n", megabytes, rows,
             took.count(), megabytes / took.count(), static_cast<double>(rows) / took.count());
  return 0;
}

}  // namespace
}  // namespace godwit::golden

int main(int argc, char** argv) {
  std::string word = argc > 2 ? argv[1] : "";
  if (word == "--decode") {
    fmt::print("{}", godwit::golden::Decode(argv[2]));
    return 0;
  }
  if (word == "--bench" && argc == 5) return godwit::golden::Bench(argv[2], argv[3], argv[4]);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
