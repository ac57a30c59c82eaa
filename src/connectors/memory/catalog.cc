// SPDX-License-Identifier: Apache-2.0
#include "connectors/memory/catalog.h"

#include "model/object_rules.h"

namespace godwit::memory {

// Godwit's own database is left out: nothing of it may be migrated.
std::vector<std::string> MemoryCatalog::Databases() {
  connection_.Check();
  std::vector<std::string> names = connection_.server().Databases();
  std::erase(names, kOwnDatabase);
  return names;
}

std::vector<CatalogObject> MemoryCatalog::Objects(const std::string& database) {
  connection_.Check();
  if (database == kOwnDatabase) return {};
  return connection_.server().Objects(database);
}

std::optional<TableSchema> MemoryCatalog::Table(const TableName& name) {
  connection_.Check();
  TableSchemaPtr table = connection_.server().Table(name);
  if (!table) return {};
  return *table;
}

std::optional<ViewSchema> MemoryCatalog::View(const TableName& name) {
  connection_.Check();
  return connection_.server().View(name);
}

TableEstimate MemoryCatalog::Estimate(const TableName& name) {
  connection_.Check();
  constexpr uint64_t kRoughRowBytes = 100;
  if (!connection_.server().Table(name)) return {};
  const uint64_t rows = connection_.server().CountRows(name);
  return {rows, rows * kRoughRowBytes};
}

std::vector<std::pair<TableName, ForeignKeySchema>> MemoryCatalog::ChildrenOf(
    const TableName& name) {
  connection_.Check();
  std::vector<std::pair<TableName, ForeignKeySchema>> children;
  for (const TableSchemaPtr& table : connection_.server().Tables()) {
    for (const ForeignKeySchema& key : table->foreign_keys) {
      if (key.referenced == name) children.emplace_back(table->name, key);
    }
  }
  return children;
}

std::string MemoryCatalog::Fingerprint(const TableName& name) {
  connection_.Check();
  return connection_.server().Fingerprint(name);
}

}  // namespace godwit::memory
