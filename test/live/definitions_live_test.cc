// SPDX-License-Identifier: Apache-2.0
// Every scenario's definitions, made at a source, converted, made at OceanBase and read back there;
// then every statement of its changes, parsed, converted and run the same way.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>

#include "connectors/mysql_family/ddl_parser.h"
#include "connectors/mysql_family/dialect.h"
#include "connectors/mysql_family/token_cursor.h"
#include "test/live/live_server.h"
#include "translate/translator.h"

namespace godwit::live {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSourceDatabase = "godwit_definitions";

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> Statements(const fs::path& path) {
  std::vector<std::string> out;
  const std::string text = ReadFile(path);
  for (size_t from = 0; from < text.size();) {
    size_t end = text.find(";\n", from);
    if (end == std::string::npos) end = text.size();
    std::string sql = text.substr(from, end - from);
    if (sql.find_first_not_of(" \n") != std::string::npos) out.push_back(std::move(sql));
    from = end + 2;
  }
  return out;
}

// Names of servers as servers.txt has them.
std::string NameInList(const std::string& server) {
  if (server == "MYSQL97") return "mysql-9.7";
  return server == "MYSQL56" ? "mysql-5.6" : "mariadb";
}

bool RunsOn(const fs::path& folder, const std::string& server) {
  const fs::path list = folder / "servers.txt";
  if (!fs::exists(list)) return true;
  return ReadFile(list).find(NameInList(server)) != std::string::npos;
}

// What servers print each in its own way: blanks, quotes, case, parentheses around the whole.
std::string Loose(std::string text) {
  std::erase_if(text, [](char c) {
    return std::isspace(static_cast<unsigned char>(c)) || c == '`' || c == '(' || c == ')' ||
           c == '\'';
  });
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const std::string word : {"00:00:00", "_utf8mb4"}) {
    for (size_t at; (at = text.find(word)) != std::string::npos;) text.erase(at, word.size());
  }
  return text;
}

std::string Describe(const ColumnSchema& c) {
  std::string out = fmt::format("{} {} null={} ai={} invisible={} {} {} generated={} comment={}",
                                c.name, c.native_type, c.nullable, c.auto_increment, c.invisible,
                                c.charset, c.collation, static_cast<int>(c.generated), c.comment);
  if (c.default_value) {
    const bool is_literal = c.default_value->kind == ColumnSchema::Default::Kind::kLiteral;
    out += " default=" + (is_literal ? c.default_value->text : Loose(c.default_value->text));
  }
  if (!c.on_update.empty()) out += " on update " + Loose(c.on_update);
  return out;
}

std::string Describe(const IndexSchema& index) {
  std::string out =
      fmt::format("index {} kind={} invisible={} parser={} comment={}", index.name,
                  static_cast<int>(index.kind), index.invisible, index.parser, index.comment);
  for (const KeyPart& part : index.parts) {
    out += fmt::format(" [{} {} {} {}]", part.column, part.expression.empty() ? "" : "expression",
                       part.prefix_length, part.descending);
  }
  return out;
}

// The values of a list in any order.
std::string Values(const std::string& text) {
  std::stringstream all(Loose(text));
  std::vector<std::string> values;
  for (std::string value; std::getline(all, value, ',');) values.push_back(value);
  std::sort(values.begin(), values.end());
  return fmt::format("{}", fmt::join(values, ","));
}

void Describe(const Partitioning::Partition& p, std::vector<std::string>& out) {
  out.push_back("partition " + p.name + " " + Values(p.values));
  for (const auto& sub : p.subpartitions) Describe(sub, out);
}

std::vector<std::string> Describe(const TableSchema& table) {
  std::vector<std::string> out{"comment " + table.comment};
  for (const ColumnSchema& column : table.columns) out.push_back(Describe(column));
  std::vector<std::string> rest;
  for (const IndexSchema& index : table.indexes) rest.push_back(Describe(index));
  for (const ForeignKeySchema& key : table.foreign_keys) {
    rest.push_back(fmt::format("foreign key {} ({}) {} ({}) {} {}", key.name,
                               fmt::join(key.columns, ","), key.referenced.ToString(),
                               fmt::join(key.referenced_columns, ","), key.on_delete,
                               key.on_update));
  }
  for (const CheckSchema& check : table.checks) {
    rest.push_back(fmt::format("check enforced={} {}", check.enforced, Loose(check.expression)));
  }
  if (table.partitioning) {
    rest.push_back(fmt::format("partitioned {} {}",
                               static_cast<int>(table.partitioning->level.method),
                               Loose(table.partitioning->level.expression)));
    for (const auto& partition : table.partitioning->partitions) Describe(partition, rest);
  }
  std::sort(rest.begin(), rest.end());
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

class Definitions : public testing::TestWithParam<std::string> {
 protected:
  Definitions()
      : source_(GetParam()),
        destination_("OCEANBASE"),
        from_(source_.endpoint().OpenCatalog()),
        to_(destination_.endpoint().OpenCatalog()),
        rules_({ObjectRule::Parse(std::string(kSourceDatabase) + ".*")}, {}),
        translator_(source_.endpoint().dialect(), destination_.endpoint().dialect(), rules_, {}) {}

  void Prepare() {
    for (Server* server : {&source_, &destination_}) {
      server->session().Execute("SET foreign_key_checks = 0");
      server->session().Execute(std::string("DROP DATABASE IF EXISTS ") + kSourceDatabase);
      server->session().Execute(std::string("CREATE DATABASE ") + kSourceDatabase +
                                " CHARACTER SET utf8mb4");
    }
    source_.session().Execute(std::string("USE ") + kSourceDatabase);
    source_.session().Execute("SET sql_mode = ''");
  }

  void RunAtDestination(const std::vector<Statement>& statements) {
    for (const Statement& statement : statements) destination_.session().Execute(statement.sql);
  }

  std::vector<CatalogObject> Objects(CatalogObject::Kind kind) {
    std::vector<CatalogObject> out;
    for (const CatalogObject& object : from_->Objects(kSourceDatabase)) {
      if (object.kind == kind) out.push_back(object);
    }
    return out;
  }

  // Foreign keys and views last, as the stages do.
  void Convert() {
    const Dialect& dialect = destination_.endpoint().dialect();
    std::vector<TableSchema> tables;
    for (const CatalogObject& object : Objects(CatalogObject::Kind::kTable)) {
      tables.push_back(translator_.Table(*from_->Table(object.name)).table);
      RunAtDestination(dialect.CreateTable(tables.back(), {.defer_plain_indexes = true}));
      RunAtDestination(dialect.CreateIndexes(tables.back()));
    }
    for (const TableSchema& table : tables) RunAtDestination(dialect.CreateForeignKeys(table));
    std::vector<CatalogObject> views = Objects(CatalogObject::Kind::kView);
    for (size_t round = 0; round < 3; ++round) {
      std::erase_if(views, [&](const CatalogObject& object) {
        try {
          RunAtDestination(dialect.CreateView(translator_.View(*from_->View(object.name))));
          return true;
        } catch (const Error&) {
          return false;
        }
      });
    }
    EXPECT_TRUE(views.empty()) << views[0].name.ToString();
  }

  void Compare(const std::string& when) {
    for (const CatalogObject& object : Objects(CatalogObject::Kind::kTable)) {
      auto there = to_->Table(object.name);
      ASSERT_TRUE(there) << when << ": no " << object.name.ToString();
      const TableSchema table = translator_.Table(*from_->Table(object.name)).table;
      // REMOVE PARTITIONING has no counterpart; the rows do not care.
      if (!table.partitioning) there->partitioning.reset();
      auto wanted = Describe(table);
      auto found = Describe(*there);
      EXPECT_EQ(fmt::format("{}", fmt::join(wanted, "\n")),
                fmt::format("{}", fmt::join(found, "\n")))
          << when << " of " << object.name.ToString();
    }
    EXPECT_EQ(from_->Objects(kSourceDatabase).size(), to_->Objects(kSourceDatabase).size()) << when;
  }

  void Follow(const std::string& sql, const std::string& sql_mode) {
    // As the log's reader has them from the history.
    const TextDefaults defaults = from_->DefaultsOf(kSourceDatabase).value();
    SchemaChange change = mysql::ParseDdl(
        sql,
        {.default_database = kSourceDatabase,
         .sql_mode = sql_mode,
         .database_charset = defaults.charset,
         .database_collation = defaults.collation},
        static_cast<const mysql::MysqlDialect&>(source_.endpoint().dialect()).traits());
    if (change.temporary || change.kind == SchemaChange::Kind::kIrrelevant) return;
    auto moment = source_.Rows("SELECT UTC_TIMESTAMP(6), NOW(6)")[0];
    change.moment_utc = *moment[0];
    change.moment_local = *moment[1];
    ASSERT_NE(change.kind, SchemaChange::Kind::kUnknown) << sql << ": " << change.problem;
    if (std::exchange(change.replaces, false)) {
      Run({.kind = SchemaChange::Kind::kDropTable, .tables = {change.table}, .if_exists = true});
    }
    Run(change);
  }

  void Run(const SchemaChange& change) {
    for (const SchemaChange& converted : translator_.Change(change).changes) {
      if (converted.if_exists && converted.kind == SchemaChange::Kind::kCreateTable &&
          to_->Table(converted.table)) {
        continue;
      }
      auto before = to_->Table(converted.table);
      RunAtDestination(
          destination_.endpoint().dialect().Render(converted, before ? &*before : nullptr));
    }
  }

  Server source_;
  Server destination_;
  std::unique_ptr<Catalog> from_;
  std::unique_ptr<Catalog> to_;
  ObjectRules rules_;
  Translator translator_;
};

bool IsRowStatement(const std::string& sql) {
  mysql::TokenCursor cursor(sql, {});
  for (const char* word : {"insert", "update", "delete", "set"}) {
    if (cursor.Peek().Is(word)) return true;
  }
  return false;
}

// CREATE … SELECT reaches the log as a plain CREATE TABLE with the columns it made; nothing does
// where the table was there.
std::string AsLogged(const std::string& sql, Server& source) {
  mysql::TokenCursor cursor(sql, {});
  if (sql.find(" SELECT ") == std::string::npos || !cursor.Accept("create")) return sql;
  const bool replaces = cursor.Accept({"or", "replace"});
  if (!cursor.Accept("table")) return sql;
  if (cursor.Accept({"if", "not", "exists"})) return "";
  std::string made =
      *source.Rows("SHOW CREATE TABLE " + mysql::Session::Quote(cursor.Name()))[0][1];
  if (replaces) made.insert(made.find("TABLE"), "OR REPLACE ");
  return made;
}

TEST_P(Definitions, ComeBackFromOceanBase) {
  for (const char* kind : {"schema", "ddl"}) {
    for (const auto& folder : fs::directory_iterator(fs::path(GODWIT_SCENARIOS) / kind)) {
      if (!RunsOn(folder.path(), GetParam())) continue;
      SCOPED_TRACE(folder.path().filename().string());
      try {
        Prepare();
        for (const std::string& sql : Statements(folder.path() / "source.sql")) {
          source_.session().Execute(sql);
        }
        source_.session().Execute("SET sql_mode = ''");
        Convert();
        Compare("after conversion");
        std::string sql_mode;
        for (const std::string& sql : Statements(folder.path() / "changes.sql")) {
          source_.session().Execute(sql);
          if (sql.starts_with("SET sql_mode = '")) sql_mode = sql.substr(16, sql.size() - 17);
          if (IsRowStatement(sql)) continue;
          if (const std::string logged = AsLogged(sql, source_); !logged.empty()) {
            Follow(logged, sql_mode);
          }
        }
        Compare("after the changes");
      } catch (const Error& error) {
        ADD_FAILURE() << error.what() << " " << error.fields().cause;
      }
    }
  }
}

// A fingerprint tells a table from the next one of its name and definition, and does not move with
// the rows.
TEST_P(Definitions, FingerprintsTellTablesApart) {
  Prepare();
  const TableName name{kSourceDatabase, "t"};
  EXPECT_EQ(from_->Fingerprint(name), "");
  auto run = [&](const std::string& sql) { source_.session().Execute(sql); };
  run("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)");
  const std::string first = from_->Fingerprint(name);
  run("INSERT INTO t (v) VALUES (1), (2)");
  EXPECT_EQ(from_->Fingerprint(name), first);
  run("ALTER TABLE t ADD w INT");
  const std::string second = from_->Fingerprint(name);
  EXPECT_NE(second, first);
  run("TRUNCATE TABLE t");
  const std::string third = from_->Fingerprint(name);
  EXPECT_NE(third, second);
  run("DROP TABLE t");
  run("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT, w INT)");
  EXPECT_NE(from_->Fingerprint(name), third);
}

TEST_P(Definitions, ChildrenAreFound) {
  Prepare();
  auto run = [&](const std::string& sql) { source_.session().Execute(sql); };
  run("CREATE TABLE p (a INT, b INT, PRIMARY KEY (a, b))");
  run("CREATE TABLE c (id INT PRIMARY KEY, x INT, y INT, CONSTRAINT f FOREIGN KEY (x, y) "
      "REFERENCES "
      "p (a, b) ON DELETE CASCADE ON UPDATE SET NULL)");
  auto children = from_->ChildrenOf({kSourceDatabase, "p"});
  ASSERT_EQ(children.size(), 1u);
  EXPECT_EQ(children[0].first, (TableName{kSourceDatabase, "c"}));
  EXPECT_EQ(children[0].second, from_->Table({kSourceDatabase, "c"})->foreign_keys[0]);
  EXPECT_TRUE(from_->ChildrenOf({kSourceDatabase, "c"}).empty());
}

INSTANTIATE_TEST_SUITE_P(Sources, Definitions, testing::Values("MYSQL97", "MYSQL56", "MARIADB"),
                         [](const auto& test) { return test.param; });

// The same of OceanBase's own catalogue.
class OceanBaseDefinitions : public testing::Test {};

TEST_F(OceanBaseDefinitions, TruncateChangesTheFingerprint) {
  Server server("OCEANBASE");
  auto catalog = server.endpoint().OpenCatalog();
  const TableName name{kDatabase, "fingerprint"};
  server.Make(name.table,
              "(id INT PRIMARY KEY AUTO_INCREMENT, e ENUM('it''s', 'a,b') DEFAULT 'it''s')");
  const std::string first = catalog->Fingerprint(name);
  server.session().Execute("INSERT INTO fingerprint (id) VALUES (5)");
  EXPECT_EQ(catalog->Fingerprint(name), first);
  server.session().Execute("TRUNCATE TABLE fingerprint");
  EXPECT_NE(catalog->Fingerprint(name), first);
}

}  // namespace
}  // namespace godwit::live
