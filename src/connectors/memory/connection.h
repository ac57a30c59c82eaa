// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connectors/memory/server.h"

namespace godwit::memory {

// One connection to a memory server: at most one transaction at a time; writes outside of one
// commit at once. Applications (tests) and Sinks write through it. One thread at a time. After a
// transient error the transaction is gone and the connection may be used again.
class Connection {
 public:
  explicit Connection(std::shared_ptr<MemoryServer> server);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  MemoryServer& server() { return *server_; }
  // To be called before each use of the server: throws where the connection was dropped since.
  void Check();

  void Begin();
  bool is_in_transaction() const { return transaction_ != 0; }
  WriteOutcome Insert(const TableName& table, const Row& row);
  WriteOutcome Update(const TableName& table, const RowLocator& old, const Row& row);
  WriteOutcome Delete(const TableName& table, const RowLocator& old);
  std::optional<Row> Lock(const TableName& table, const RowLocator& which);
  void Savepoint(const std::string& name);
  void RollbackTo(const std::string& name);
  void Commit();
  void Rollback();
  void Execute(const SchemaChange& change);

  // A locator by the table's identity key.
  RowLocator ByKey(const TableName& table, KeyTuple key);

 private:
  template <typename Write>
  WriteOutcome InTransaction(Write write);

  std::shared_ptr<MemoryServer> server_;
  uint64_t generation_;
  TransactionId transaction_ = 0;
};

}  // namespace godwit::memory
