// SPDX-License-Identifier: Apache-2.0
// The memory server's definitions and what changes them.
#include <algorithm>

#include "connectors/memory/errors.h"
#include "connectors/memory/server.h"
#include "model/names.h"

namespace godwit::memory {
namespace {

Error NotConvertible(const SchemaChange& change, const std::string& cause) {
  return Error({.code = "DDL_NOT_CONVERTIBLE",
                .kind = ErrorKind::kBlocked,
                .object = change.table.ToString(),
                .message = "cannot follow: " + change.statement,
                .cause = cause,
                .remedy = "edit the statement, skip it, or do it by hand and mark it as done"});
}

// What a new column holds in the rows that are there.
Cell Initial(const ColumnSchema& column) {
  if (column.default_value && column.default_value->kind == ColumnSchema::Default::Kind::kLiteral) {
    return column.default_value->text;
  }
  if (column.nullable) return {};
  const bool is_number = column.type.kind == TypeKind::kInteger;
  return is_number ? "0" : "";
}

// For each column of `after`, the ordinal in `before` whose cells it keeps; -1: it is new.
std::vector<int> KeptColumns(const TableSchema& before, const TableSchema& after,
                             const std::vector<AlterAction>& actions) {
  std::vector<int> kept;
  for (const ColumnSchema& column : after.columns) {
    std::string old = column.name;
    bool is_new = false;
    for (const AlterAction& action : actions) {
      using Kind = AlterAction::Kind;
      if (action.kind == Kind::kAddColumn && EqualNames(action.column.name, column.name)) {
        is_new = true;
      }
      const bool renames =
          action.kind == Kind::kRenameColumn && EqualNames(action.new_name, column.name);
      const bool modifies =
          action.kind == Kind::kModifyColumn && EqualNames(action.column.name, column.name);
      if (renames || modifies) old = action.name;
    }
    kept.push_back(is_new ? -1 : before.FindColumn(old));
  }
  return kept;
}

// The server stores cells as they are: a change that would need them converted is refused.
bool KeepsCells(const LogicalType& before, const LogicalType& after) {
  return before.kind == after.kind && before.scale == after.scale && before.fsp == after.fsp &&
         (before.kind != TypeKind::kBinary || before.length == after.length);
}

std::vector<TableName> TablesOf(const SchemaChange& change) {
  std::vector<TableName> names = change.tables;
  names.push_back(change.table);
  for (const auto& [from, to] : change.renames) names.push_back(from);
  return names;
}

}  // namespace

std::vector<std::string> MemoryServer::Databases() {
  MutexLock lock(mutex_);
  return {databases_.begin(), databases_.end()};
}

std::vector<CatalogObject> MemoryServer::Objects(const std::string& database) {
  MutexLock lock(mutex_);
  std::vector<CatalogObject> objects;
  for (const auto& [name, table] : tables_) {
    if (name.database == database) objects.push_back({name, CatalogObject::Kind::kTable});
  }
  for (const auto& [name, view] : views_) {
    if (name.database == database) objects.push_back({name, CatalogObject::Kind::kView});
  }
  return objects;
}

TableSchemaPtr MemoryServer::Table(const TableName& name) {
  MutexLock lock(mutex_);
  auto found = tables_.find(name);
  return found == tables_.end() ? nullptr : found->second->schema();
}

std::optional<ViewSchema> MemoryServer::View(const TableName& name) {
  MutexLock lock(mutex_);
  auto found = views_.find(name);
  if (found == views_.end()) return {};
  return found->second;
}

std::vector<TableSchemaPtr> MemoryServer::Tables() {
  MutexLock lock(mutex_);
  std::vector<TableSchemaPtr> out;
  for (const auto& [name, table] : tables_) out.push_back(table->schema());
  return out;
}

// The store's identity changes with every new definition, as a fingerprint must.
std::string MemoryServer::Fingerprint(const TableName& name) {
  MutexLock lock(mutex_);
  auto found = tables_.find(name);
  return found == tables_.end() ? "" : std::to_string(found->second->identity());
}

void MemoryServer::CreateDatabase(const std::string& name) {
  SchemaChange change;
  change.kind = SchemaChange::Kind::kCreateDatabase;
  change.table.database = name;
  change.if_exists = true;
  change.statement = "create database " + name;
  Execute(change);
}

void MemoryServer::CreateTable(const TableSchema& table) {
  CreateDatabase(table.name.database);
  SchemaChange change;
  change.kind = SchemaChange::Kind::kCreateTable;
  change.table = table.name;
  change.definition = table;
  change.statement = "create table " + table.name.ToString();
  Execute(change);
}

void MemoryServer::Execute(const SchemaChange& change) {
  MutexLock lock(mutex_);
  WaitUnused(lock, change);
  ApplyDdl(change);
  const TransactionId by = ++last_transaction_;
  open_[by];
  Append(by, Fragment::Kind::kDdl).ddl = change;
  End(by, Fragment::Kind::kCommit);
}

void MemoryServer::WaitUnused(MutexLock& lock, const SchemaChange& change) {
  auto is_unused = [&]() REQUIRES_LOCK(mutex_) {
    for (const TableName& name : TablesOf(change)) {
      auto table = tables_.find(name);
      if (table == tables_.end()) continue;
      for (const auto& [id, transaction] : open_) {
        if (transaction.tables.contains(table->second.get())) return false;
      }
    }
    return true;
  };
  if (!changed_.wait_until(lock, Deadline::In(lock_wait_).at(), is_unused)) {
    throw LockTimeout(change.table.ToString());
  }
}

void MemoryServer::ApplyDdl(const SchemaChange& change) {
  using Kind = SchemaChange::Kind;
  switch (change.kind) {
    case Kind::kCreateDatabase:
      databases_.insert(change.table.database);
      return;
    case Kind::kDropDatabase:
      databases_.erase(change.table.database);
      std::erase_if(tables_,
                    [&](const auto& t) { return t.first.database == change.table.database; });
      std::erase_if(views_,
                    [&](const auto& v) { return v.first.database == change.table.database; });
      return;
    case Kind::kAlterDatabase:
    case Kind::kIrrelevant:
      return;
    case Kind::kCreateTable:
      return CreateTableLocked(change);
    case Kind::kDropTable:
      for (const TableName& name : change.tables) {
        if (tables_.erase(name) == 0 && !change.if_exists) throw NoSuchTable(name.ToString());
      }
      return;
    case Kind::kTruncateTable: {
      const TableSchemaPtr schema = Store(change.table)->schema();
      tables_[change.table] = std::make_shared<TableStore>(schema, ++last_identity_);
      return;
    }
    case Kind::kRenameTable:
      for (const auto& [from, to] : change.renames) RenameTable(from, to);
      return;
    case Kind::kAlterTable:
      return AlterTable(change);
    case Kind::kCreateView:
      if (!change.view) throw NotConvertible(change, "the view's definition is missing");
      views_[change.table] = *change.view;
      return;
    case Kind::kDropView:
      for (const TableName& name : change.tables) views_.erase(name);
      return;
    case Kind::kUnknown:
      throw NotConvertible(change, change.problem);
  }
}

void MemoryServer::CreateTableLocked(const SchemaChange& change) {
  if (tables_.contains(change.table)) {
    if (change.if_exists) return;
    throw TableExists(change.table.ToString());
  }
  TableSchema table;
  if (change.definition) {
    table = *change.definition;
  } else if (change.like_table) {
    table = *Store(*change.like_table)->schema();
    table.foreign_keys.clear();
  } else {
    throw NotConvertible(change, "the table's definition is missing");
  }
  if (!databases_.contains(change.table.database)) {
    throw NoSuchTable(change.table.database);
  }
  table.name = change.table;
  table.dialect = "memory";
  tables_[change.table] = std::make_shared<TableStore>(
      std::make_shared<const TableSchema>(std::move(table)), ++last_identity_);
}

void MemoryServer::AlterTable(const SchemaChange& change) {
  const std::shared_ptr<TableStore> before = Store(change.table);
  std::optional<TableSchema> after = ApplyActions(*before->schema(), change.actions);
  if (!after) throw NotConvertible(change, "the outcome cannot be told from the statement");
  const std::vector<int> kept = KeptColumns(*before->schema(), *after, change.actions);
  std::vector<Row> rows;
  for (size_t c = 0; c < kept.size(); ++c) {
    if (kept[c] < 0 || before->slots().empty()) continue;
    if (!KeepsCells(before->schema()->columns[static_cast<size_t>(kept[c])].type,
                    after->columns[c].type)) {
      throw NotConvertible(change,
                           "the memory server converts no values: " + after->columns[c].name);
    }
  }
  for (const Row& old : CommittedRows(*before)) {
    Row row;
    for (size_t c = 0; c < kept.size(); ++c) {
      row.push_back(kept[c] < 0 ? Initial(after->columns[c]) : old[static_cast<size_t>(kept[c])]);
    }
    rows.push_back(std::move(row));
  }
  const TableName name = after->name;
  if (name != change.table && tables_.contains(name)) throw TableExists(name.ToString());
  auto table = std::make_shared<TableStore>(std::make_shared<const TableSchema>(std::move(*after)),
                                            ++last_identity_);
  Fill(*table, std::move(rows));
  tables_.erase(change.table);
  tables_[name] = std::move(table);
}

void MemoryServer::RenameTable(const TableName& from, const TableName& to) {
  const std::shared_ptr<TableStore> before = Store(from);
  if (tables_.contains(to)) throw TableExists(to.ToString());
  TableSchema schema = *before->schema();
  schema.name = to;
  auto table = std::make_shared<TableStore>(std::make_shared<const TableSchema>(std::move(schema)),
                                            ++last_identity_);
  Fill(*table, CommittedRows(*before));
  tables_.erase(from);
  tables_[to] = std::move(table);
}

// Puts rows into a table nobody sees yet. A unique index that they do not fit is an error before
// anything has changed.
void MemoryServer::Fill(TableStore& table, std::vector<Row> rows) {
  for (Row& row : rows) {
    for (size_t i = 0; i < table.unique_columns().size(); ++i) {
      auto value = table.UniqueValue(i, row);
      if (value && table.FindUnique(i, *value, 0) != nullptr) {
        throw Duplicate(table.schema()->name.ToString(), table.unique_name(i));
      }
    }
    Slot& slot = table.Place(row);
    table.SetPending(slot, std::move(row), last_transaction_ + 1);
    table.Commit(slot);
  }
}

}  // namespace godwit::memory
