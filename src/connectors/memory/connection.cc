// SPDX-License-Identifier: Apache-2.0
#include "connectors/memory/connection.h"

#include "connectors/memory/errors.h"

namespace godwit::memory {

Connection::Connection(std::shared_ptr<MemoryServer> server)
    : server_(std::move(server)), generation_(server_->connection_generation()) {}

Connection::~Connection() {
  if (transaction_ != 0) server_->Rollback(transaction_);
}

void Connection::Check() {
  const uint64_t now = server_->connection_generation();
  if (now != generation_) {
    generation_ = now;  // connected again at the next use
    transaction_ = 0;
    throw ConnectionLost();
  }
  try {
    server_->Admit();
  } catch (const Error&) {
    Rollback();
    throw;
  }
}

void Connection::Begin() {
  Check();
  GODWIT_CHECK(transaction_ == 0, "a connection has one transaction at a time");
  transaction_ = server_->Begin();
}

template <typename Write>
WriteOutcome Connection::InTransaction(Write write) {
  Check();
  const bool is_single = transaction_ == 0;
  if (is_single) transaction_ = server_->Begin();
  try {
    const WriteOutcome outcome = write(transaction_);
    if (is_single) server_->Commit(std::exchange(transaction_, 0));
    return outcome;
  } catch (const Error& error) {
    if (is_single || error.kind() == ErrorKind::kTransient) {
      server_->Rollback(std::exchange(transaction_, 0));
    }
    throw;
  }
}

WriteOutcome Connection::Insert(const TableName& table, const Row& row) {
  return InTransaction([&](TransactionId by) { return server_->Insert(by, table, row); });
}

WriteOutcome Connection::Update(const TableName& table, const RowLocator& old, const Row& row) {
  return InTransaction([&](TransactionId by) { return server_->Update(by, table, old, row); });
}

WriteOutcome Connection::Delete(const TableName& table, const RowLocator& old) {
  return InTransaction([&](TransactionId by) { return server_->Delete(by, table, old); });
}

std::optional<Row> Connection::Lock(const TableName& table, const RowLocator& which) {
  std::optional<Row> row;
  InTransaction([&](TransactionId by) {
    row = server_->Lock(by, table, which);
    return row ? WriteOutcome::kDone : WriteOutcome::kMissing;
  });
  return row;
}

void Connection::Savepoint(const std::string& name) {
  Check();
  server_->Savepoint(transaction_, name);
}

void Connection::RollbackTo(const std::string& name) {
  Check();
  server_->RollbackTo(transaction_, name);
}

void Connection::Commit() {
  Check();
  server_->Commit(std::exchange(transaction_, 0));
}

void Connection::Rollback() {
  if (transaction_ != 0) server_->Rollback(std::exchange(transaction_, 0));
}

void Connection::Execute(const SchemaChange& change) {
  Check();
  server_->Execute(change);
}

RowLocator Connection::ByKey(const TableName& table, KeyTuple key) {
  const TableSchemaPtr schema = server_->Table(table);
  if (!schema) throw NoSuchTable(table.ToString());
  RowLocator locator{schema->identity_columns(), {}};
  for (std::string& cell : key) locator.cells.emplace_back(std::move(cell));
  return locator;
}

}  // namespace godwit::memory
