// SPDX-License-Identifier: Apache-2.0
// Definitions in Query events, written here as the server writes them.
#include "connectors/mysql_family/binlog_decoder.h"

#include <gmock/gmock.h>

#include "base/byte_writer.h"
#include "connectors/mysql_family/ddl_parser.h"

namespace godwit::mysql {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using Action = AlterAction::Kind;
using Kind = SchemaChange::Kind;

constexpr uint16_t kLatin1 = 8;
constexpr uint16_t kGbk = 28;

// What a session says in the event's status variables; 0: nothing.
struct Variables {
  uint16_t server_collation = 0;
  uint16_t database_collation = 0;
};

std::string QueryBody(std::string_view statement, const Variables& said) {
  std::string variables;
  if (said.server_collation != 0) {
    variables.push_back(4);
    for (uint16_t collation : {uint16_t{45}, uint16_t{45}, said.server_collation}) {
      AppendFixed(variables, collation);
    }
  }
  if (said.database_collation != 0) {
    variables.push_back(8);
    AppendFixed(variables, said.database_collation);
  }
  const std::string database = "d";
  std::string out(8, '\0');  // thread, execution time
  out.push_back(static_cast<char>(database.size()));
  AppendFixed(out, uint16_t{0});
  AppendFixed(out, static_cast<uint16_t>(variables.size()));
  return out + variables + database + '\0' + std::string(statement);
}

std::string Event(const std::string& body) {
  std::string out;
  AppendFixed(out, uint32_t{1'700'000'000});
  out.push_back(static_cast<char>(EventType::kQuery));
  AppendFixed(out, uint32_t{1});  // server
  AppendFixed(out, static_cast<uint32_t>(kEventHeaderSize + body.size()));
  AppendFixed(out, uint32_t{0});
  AppendFixed(out, uint16_t{0});
  return out + body;
}

class OneTable : public SchemaHistory {
 public:
  std::optional<Versioned> Find(const TableName& name) override {
    if (!table || name != table->name) return {};
    return Versioned{table, 1};
  }
  bool IsSelected(const TableName&) override { return false; }
  TextDefaults DefaultsOf(const std::string& database) override {
    return database == "e" ? TextDefaults{"gbk", "gbk_chinese_ci"} : TextDefaults{};
  }

  TableSchemaPtr table;
};

class DefinitionsTest : public testing::Test {
 protected:
  // `table`: the one that is altered, as SHOW CREATE TABLE prints it.
  std::vector<SchemaChange> Decode(std::string_view statement, std::string_view table = "",
                                   const Variables& said = {}) {
    OneTable history;
    const DialectTraits traits = DialectTraits::For(Flavor::kMySql, 80400);
    if (!table.empty()) {
      history.table = std::make_shared<const TableSchema>(ParseCreateTable(table, "d", traits));
    }
    BinlogDecoder decoder({.traits = traits,
                           .collations = {{kLatin1, {"latin1_swedish_ci", "latin1"}},
                                          {kGbk, {"gbk_chinese_ci", "gbk"}},
                                          {45, {"utf8mb4_general_ci", "utf8mb4"}}}},
                          {"", "log.000001", 4, ""}, history);
    const std::string event = Event(QueryBody(statement, said));
    decoder.Feed(event);
    std::vector<SchemaChange> out;
    while (auto fragment = decoder.Pop()) {
      if (fragment->kind == Fragment::Kind::kDdl) out.push_back(std::move(*fragment->ddl));
    }
    return out;
  }

  // Why it cannot be followed.
  std::string Problem(std::string_view statement, std::string_view table) {
    const std::vector<SchemaChange> changes = Decode(statement, table);
    EXPECT_THAT(changes, SizeIs(1)) << statement;
    return changes.empty() ? "" : changes[0].problem;
  }
};

TEST_F(DefinitionsTest, ATableGetsWhatItsDatabaseGives) {
  const auto changes = Decode("create table e.t (v varchar(9), w char(5) binary, x text(100))", "",
                              {.database_collation = kLatin1});
  ASSERT_THAT(changes, SizeIs(1));
  const TableSchema& made = *changes[0].definition;
  EXPECT_EQ(made.charset, "gbk");
  EXPECT_EQ(made.collation, "gbk_chinese_ci");
  EXPECT_EQ(made.columns[0].charset, "gbk");
  EXPECT_EQ(made.columns[1].collation, "gbk_bin");
  EXPECT_EQ(made.columns[2].native_type, "tinytext");
}

// collation_database is the session's, and nothing to CREATE TABLE.
TEST_F(DefinitionsTest, ATableOfADatabaseThatIsNotKnownStaysOpen) {
  const auto changes = Decode("create table t (v varchar(9), w varchar(9) character set latin1)",
                              "", {.server_collation = kLatin1, .database_collation = kLatin1});
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].definition->charset, "");
  EXPECT_EQ(changes[0].definition->columns[0].charset, "");
  EXPECT_EQ(changes[0].definition->columns[1].charset, "latin1");
}

TEST_F(DefinitionsTest, ADatabaseGetsWhatItsServerGives) {
  auto defaults = [&](std::string_view statement) {
    const auto changes = Decode(statement, "", {.server_collation = kGbk});
    return changes.empty() ? "" : changes[0].charset + " " + changes[0].collation;
  };
  EXPECT_EQ(defaults("create database n"), "gbk gbk_chinese_ci");
  EXPECT_EQ(defaults("create database n character set default"), "gbk gbk_chinese_ci");
  EXPECT_EQ(defaults("create database n charset latin1"), "latin1 ");
  EXPECT_EQ(defaults("create database n collate latin1_bin"), "latin1 latin1_bin");
  EXPECT_EQ(defaults("alter database n default character set = default"), "gbk gbk_chinese_ci");
  EXPECT_EQ(defaults("alter database n read only = 1"), " ");
  EXPECT_EQ(Decode("create database n").at(0).charset, "");
}

TEST_F(DefinitionsTest, TextOfAnotherCharacterSetDoesNotBecomeBytes) {
  constexpr const char* kTable =
      "create table t (id int, c text character set latin1, e enum('a') character set gbk, u text, "
      "a char(5) character set ascii, b blob) charset utf8mb4";
  for (const char* crossing :
       {"alter table t change c c blob", "alter table t modify c varbinary(400), add x int",
        "alter table t change e f varbinary(9)", "alter table t convert to character set binary",
        "alter table t modify b text character set latin1",
        "alter table t modify b mediumtext character set gbk"}) {
    EXPECT_THAT(Problem(crossing, kTable), HasSubstr("the source keeps the bytes")) << crossing;
  }
  EXPECT_EQ(Decode("alter table t change c c blob", kTable)[0].kind, Kind::kAlterTable);
  for (const char* same :
       {"alter table t modify u blob", "alter table t modify a binary(5)",
        "alter table t modify b text", "alter table t modify b text character set utf8mb3",
        "alter table t modify c text character set utf8mb3", "alter table t modify c int",
        "alter table t drop c, add c blob"}) {
    EXPECT_EQ(Problem(same, kTable), "") << same;
  }
}

// The destination's default is another; and a conversion of theirs makes wider types of TEXT.
TEST_F(DefinitionsTest, NewTextHasItsTablesCharacterSet) {
  constexpr const char* kTable =
      "create table t (id int, c text) charset latin1 collate latin1_bin";
  const SchemaChange change = Decode(
      "alter table t modify c text not null, add v varchar(5), add n int, add u text "
      "character set utf8mb4",
      kTable)[0];
  EXPECT_EQ(change.actions[0].column.charset, "latin1");
  EXPECT_EQ(change.actions[0].column.collation, "latin1_bin");
  EXPECT_EQ(change.actions[1].column.charset, "latin1");
  EXPECT_EQ(change.actions[2].column.charset, "");
  EXPECT_EQ(change.actions[3].column.charset, "utf8mb4");
  EXPECT_EQ(
      Decode("alter table t charset utf8mb4, add v text", kTable)[0].actions[1].column.charset,
      "utf8mb4");
  EXPECT_THAT(Problem("alter table t add v varchar(9)", "create table t (id int) charset binary"),
              HasSubstr("binary"));
}

TEST_F(DefinitionsTest, NewBinaryTextHasTheBinaryCollationOfItsTablesCharacterSet) {
  constexpr const char* kTable = "create table t (id int, c text) charset latin1";
  const SchemaChange change =
      Decode("alter table t modify c text binary, add v varchar(9) binary", kTable)[0];
  ASSERT_THAT(change.actions, SizeIs(2));
  for (const AlterAction& action : change.actions) {
    EXPECT_EQ(action.column.charset, "latin1") << action.column.name;
    EXPECT_EQ(action.column.collation, "latin1_bin") << action.column.name;
  }
}

TEST_F(DefinitionsTest, AConversionSaysWhichTextItMakesWider) {
  const auto changes =
      Decode("alter table t rename column b to z, convert to character set utf8mb4",
             "create table t (id int, a text not null, b tinytext, v varchar(9), l longtext, "
             "g text as (concat(a, 'x'))) charset utf8mb3");
  ASSERT_THAT(changes, SizeIs(2));
  ASSERT_THAT(changes[1].actions, SizeIs(2));
  for (const AlterAction& action : changes[1].actions) {
    EXPECT_EQ(action.kind, Action::kModifyColumn);
    EXPECT_EQ(action.column.charset, "utf8mb4");
  }
  EXPECT_EQ(changes[1].actions[0].name, "a");
  EXPECT_EQ(changes[1].actions[0].column.native_type, "mediumtext");
  EXPECT_FALSE(changes[1].actions[0].column.nullable);
  EXPECT_EQ(changes[1].actions[1].name, "z");
  EXPECT_EQ(changes[1].actions[1].column.native_type, "text");
  EXPECT_THAT(Decode("alter table t convert to character set utf8mb4",
                     "create table t (id int, v varchar(9), a text character set utf8mb4) charset "
                     "utf8mb3"),
              SizeIs(1));
}

}  // namespace
}  // namespace godwit::mysql
