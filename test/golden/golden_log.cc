// SPDX-License-Identifier: Apache-2.0
#include "test/golden/golden_log.h"

#include "test/golden/binlog_file.h"
#include "test/golden/fragment_text.h"

namespace godwit::golden {

mysql::DialectTraits TraitsOf(const std::string& name) {
  using mysql::DialectTraits;
  if (name == "mariadb") return DialectTraits::For(mysql::Flavor::kMariaDb, 101119);
  return DialectTraits::For(mysql::Flavor::kMySql, name == "mysql56" ? 50624 : 90704);
}

mysql::BinlogDecoder::Source SourceOf(const std::string& name) {
  return {.traits = TraitsOf(name),
          .collations = {{8, {"latin1_swedish_ci", "latin1"}},
                         {28, {"gbk_chinese_ci", "gbk"}},
                         {33, {"utf8_general_ci", "utf8"}},
                         {45, {"utf8mb4_general_ci", "utf8mb4"}},
                         {255, {"utf8mb4_0900_ai_ci", "utf8mb4"}}},
          .object = name};
}

std::string GoldenPath(const std::string& name, const std::string& suffix) {
  return std::string(GODWIT_GOLDEN_FOLDER) + "/" + name + "." + suffix;
}

std::vector<Fragment> DecodeLog(const std::string& name) {
  WrittenHistory history(TraitsOf(name));
  history.Define(ReadFile(GoldenPath(name, "sql")), "golden");
  mysql::BinlogDecoder decoder(SourceOf(name), {"", name + ".000001", 4, ""}, history);
  const std::string bytes = ReadFile(GoldenPath(name, "binlog"));
  BinlogFile file(bytes);
  std::vector<Fragment> out;
  std::string_view event;
  while (file.Next(event)) {
    decoder.Feed(event);
    while (auto fragment = decoder.Pop()) {
      if (fragment->kind == Fragment::Kind::kDdl) history.Apply(*fragment->ddl);
      out.push_back(std::move(*fragment));
    }
  }
  return out;
}

}  // namespace godwit::golden
