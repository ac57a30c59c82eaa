// SPDX-License-Identifier: Apache-2.0
// The servers of the MySQL family, reached by GODWIT_TEST_<NAME>_URL. One that is not there is a
// failure, not a skip.
#include <cstdlib>

#include "connectors/mysql/mysql.h"
#include "connectors/mysql_family/session.h"
#include "connectors/oceanbase/oceanbase.h"
#include "test/contract/subject.h"

namespace godwit::contract {
namespace {

using mysql::Session;

constexpr const char* kDatabase = "godwit_contract";

std::string Literal(const Cell& cell) { return cell ? Session::Literal(*cell) : "NULL"; }

std::string Name(const TableSchema& table) {
  return Session::Quote(table.name.database) + "." + Session::Quote(table.name.table);
}

class SqlApplication : public Application {
 public:
  explicit SqlApplication(const EndpointUrl& url)
      : session_(url, Side::kSource, mysql::SessionRole::kWriter) {}
  void Begin() override { session_.Execute("START TRANSACTION"); }
  void Commit() override { session_.Execute("COMMIT"); }
  void Rollback() override { session_.Execute("ROLLBACK"); }
  void Savepoint(const std::string& name) override { session_.Execute("SAVEPOINT " + name); }
  void RollbackTo(const std::string& name) override {
    session_.Execute("ROLLBACK TO SAVEPOINT " + name);
  }
  void Insert(const TableSchema& table, const Cells& row) override {
    std::string values;
    for (const Cell& cell : row) values += (values.empty() ? "" : ",") + Literal(cell);
    session_.Execute("INSERT INTO " + Name(table) + " VALUES (" + values + ")");
  }
  void Update(const TableSchema& table, const std::string& id, const Cells& row) override {
    std::string sets;
    for (size_t c = 0; c < row.size(); ++c) {
      sets += (c == 0 ? "" : ",") + Session::Quote(table.columns[c].name) + "=" + Literal(row[c]);
    }
    session_.Execute("UPDATE " + Name(table) + " SET " + sets + Where(table, id));
  }
  void Delete(const TableSchema& table, const std::string& id) override {
    session_.Execute("DELETE FROM " + Name(table) + Where(table, id) + " LIMIT 1");
  }

 private:
  static std::string Where(const TableSchema& table, const std::string& id) {
    return " WHERE " + Session::Quote(table.columns[0].name) + "=" + Session::Literal(id);
  }
  Session session_;
};

class SqlSubject : public Subject {
 public:
  explicit SqlSubject(const EndpointUrl& url)
      : url_(url), session_(url, Side::kDestination, mysql::SessionRole::kCatalog) {
    Registry registry;
    RegisterMysql(registry);
    RegisterOceanBase(registry);
    endpoint_ = registry.Open(url, Side::kDestination);
    session_.Execute(std::string("CREATE DATABASE IF NOT EXISTS ") + kDatabase);
  }
  Endpoint& endpoint() override { return *endpoint_; }
  std::string database() const override { return kDatabase; }
  std::unique_ptr<Application> Connect() override { return std::make_unique<SqlApplication>(url_); }
  bool LoseNextCommitAnswer(bool) override { return false; }

  TableSchemaPtr Make(Shape shape, const std::string& name) override {
    const char* body = "";
    switch (shape) {
      case Shape::kKeyed:
        body =
            "id INT NOT NULL PRIMARY KEY, code VARCHAR(20), a VARCHAR(20), b VARCHAR(20), "
            "UNIQUE KEY code (code)";
        break;
      case Shape::kPair:
        body = "p VARCHAR(20) NOT NULL, q INT NOT NULL, a VARCHAR(20), PRIMARY KEY (p, q)";
        break;
      case Shape::kKeyless:
        body = "a VARCHAR(20), b VARCHAR(20)";
        break;
    }
    const std::string table = std::string(kDatabase) + "." + name;
    session_.Execute("DROP TABLE IF EXISTS " + table);
    session_.Execute("CREATE TABLE " + table + " (" + body +
                     ") DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    auto schema = endpoint_->OpenCatalog()->Table({kDatabase, name});
    GODWIT_CHECK(schema.has_value(), "the catalogue finds a table just made");
    return std::make_shared<const TableSchema>(*std::move(schema));
  }

 private:
  EndpointUrl url_;
  Session session_;
  std::unique_ptr<Endpoint> endpoint_;
};

}  // namespace

std::vector<std::string> SubjectNames() { return {"MYSQL97", "MYSQL56", "MARIADB", "OCEANBASE"}; }

std::unique_ptr<Subject> OpenSubject(const std::string& name) {
  const std::string variable = "GODWIT_TEST_" + name + "_URL";
  const char* url = std::getenv(variable.c_str());
  GODWIT_CHECK(url != nullptr, variable + " names a server of the testbed");
  return std::make_unique<SqlSubject>(EndpointUrl::Parse(url));
}

}  // namespace godwit::contract
