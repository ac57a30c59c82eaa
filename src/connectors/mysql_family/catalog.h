// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connectors/mysql_family/dialect_traits.h"
#include "connectors/mysql_family/session.h"
#include "endpoint/catalog.h"

namespace godwit::mysql {

// Reads definitions from a server of the family. Owns its connection.
class MysqlCatalog : public Catalog {
 public:
  MysqlCatalog(std::unique_ptr<Session> session, DialectTraits traits);

  std::vector<std::string> Databases() override;
  std::vector<CatalogObject> Objects(const std::string& database) override;
  std::optional<TableSchema> Table(const TableName& name) override;
  std::optional<ViewSchema> View(const TableName& name) override;
  TableEstimate Estimate(const TableName& name) override;
  std::vector<std::pair<TableName, ForeignKeySchema>> ChildrenOf(const TableName& name) override;
  std::optional<TextDefaults> DefaultsOf(const std::string& database) override;
  std::string Fingerprint(const TableName& name) override;

 private:
  // The output of SHOW CREATE TABLE; nullopt if there is no such base table.
  std::optional<std::string> Definition(const TableName& name);
  // OceanBase prints the labels of ENUM and SET unescaped.
  std::string WithEscapedLabels(std::string sql, const TableName& name);
  std::string Identity(const TableName& name);

  std::unique_ptr<Session> session_;
  DialectTraits traits_;
};

}  // namespace godwit::mysql
