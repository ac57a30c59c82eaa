// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "connectors/memory/connection.h"
#include "endpoint/catalog.h"

namespace godwit::memory {

class MemoryCatalog : public Catalog {
 public:
  explicit MemoryCatalog(std::shared_ptr<MemoryServer> server) : connection_(std::move(server)) {}

  std::vector<std::string> Databases() override;
  std::vector<CatalogObject> Objects(const std::string& database) override;
  std::optional<TableSchema> Table(const TableName& name) override;
  std::optional<ViewSchema> View(const TableName& name) override;
  TableEstimate Estimate(const TableName& name) override;
  std::vector<std::pair<TableName, ForeignKeySchema>> ChildrenOf(const TableName& name) override;
  std::string Fingerprint(const TableName& name) override;

 private:
  Connection connection_;
};

}  // namespace godwit::memory
