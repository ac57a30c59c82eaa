// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"
#include "connectors/memory/connection.h"
#include "connectors/memory/endpoint.h"
#include "test/contract/subject.h"

namespace godwit::contract {
namespace {

using memory::Connection;
using memory::MemoryServer;
using memory::WriteOutcome;

class MemoryApplication : public Application {
 public:
  explicit MemoryApplication(std::shared_ptr<MemoryServer> server)
      : connection_(std::move(server)) {}
  void Begin() override { connection_.Begin(); }
  void Commit() override { connection_.Commit(); }
  void Rollback() override { connection_.Rollback(); }
  void Savepoint(const std::string& name) override { connection_.Savepoint(name); }
  void RollbackTo(const std::string& name) override { connection_.RollbackTo(name); }
  void Insert(const TableSchema& table, const Cells& row) override {
    Expect(connection_.Insert(table.name, row));
  }
  void Update(const TableSchema& table, const std::string& id, const Cells& row) override {
    Expect(connection_.Update(table.name, {{0}, {id}}, row));
  }
  void Delete(const TableSchema& table, const std::string& id) override {
    Expect(connection_.Delete(table.name, {{0}, {id}}));
  }

 private:
  static void Expect(WriteOutcome outcome) {
    GODWIT_CHECK(outcome == WriteOutcome::kDone, "the application's write works");
  }
  Connection connection_;
};

ColumnSchema Text(const std::string& name) {
  ColumnSchema column;
  column.name = name;
  column.type = {.kind = TypeKind::kVarchar, .length = 20};
  return column;
}

ColumnSchema Integer(const std::string& name) {
  ColumnSchema column;
  column.name = name;
  column.type = {.kind = TypeKind::kInteger, .bits = 32};
  column.nullable = false;
  return column;
}

class MemorySubject : public Subject {
 public:
  MemorySubject() : server_(std::make_shared<MemoryServer>("contract")), endpoint_(server_) {}
  Endpoint& endpoint() override { return endpoint_; }
  std::string database() const override { return "contract"; }
  std::unique_ptr<Application> Connect() override {
    return std::make_unique<MemoryApplication>(server_);
  }
  bool LoseNextCommitAnswer(bool happened) override {
    server_->FailNextCommit(happened ? memory::CommitFailure::kCommittedUnheard
                                     : memory::CommitFailure::kLostUnheard);
    return true;
  }

  TableSchemaPtr Make(Shape shape, const std::string& name) override {
    TableSchema table;
    table.name = {database(), name};
    auto key = [&](IndexSchema::Kind kind, const std::string& index,
                   const std::vector<std::string>& columns) {
      IndexSchema out{.name = index, .kind = kind};
      for (const std::string& column : columns) out.parts.push_back({.column = column});
      table.indexes.push_back(std::move(out));
    };
    switch (shape) {
      case Shape::kKeyed:
        table.columns = {Integer("id"), Text("code"), Text("a"), Text("b")};
        key(IndexSchema::Kind::kPrimary, "PRIMARY", {"id"});
        key(IndexSchema::Kind::kUnique, "code", {"code"});
        break;
      case Shape::kPair:
        table.columns = {Text("p"), Integer("q"), Text("a")};
        table.columns[0].nullable = false;
        key(IndexSchema::Kind::kPrimary, "PRIMARY", {"p", "q"});
        break;
      case Shape::kKeyless:
        table.columns = {Text("a"), Text("b")};
        break;
    }
    if (server_->Table(table.name)) {
      SchemaChange drop;
      drop.kind = SchemaChange::Kind::kDropTable;
      drop.tables = {table.name};
      server_->Execute(drop);
    }
    server_->CreateTable(table);
    return server_->Table(table.name);
  }

 private:
  std::shared_ptr<MemoryServer> server_;
  memory::MemoryEndpoint endpoint_;
};

}  // namespace

std::vector<std::string> SubjectNames() { return {"Memory"}; }

std::unique_ptr<Subject> OpenSubject(const std::string&) {
  return std::make_unique<MemorySubject>();
}

}  // namespace godwit::contract
