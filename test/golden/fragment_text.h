// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "connectors/mysql_family/dialect_traits.h"
#include "endpoint/change_reader.h"

namespace godwit::golden {

// Follows every table of the given CREATE TABLE statements, and those created in the log.
class WrittenHistory : public SchemaHistory {
 public:
  explicit WrittenHistory(mysql::DialectTraits traits) : traits_(std::move(traits)) {}

  // Statements separated by lines of "--"; their tables lie in `database`.
  void Define(std::string_view statements, const std::string& database);
  // Takes up what a definition in the log says completely.
  void Apply(const SchemaChange& change);
  std::optional<Versioned> Find(const TableName& name) override;
  bool IsSelected(const TableName&) override { return false; }

 private:
  void Put(TableSchema table);

  const mysql::DialectTraits traits_;
  std::map<TableName, Versioned> tables_;
  uint64_t version_ = 0;
};

// One or more lines of readable text.
std::string ToText(const Fragment& fragment);

}  // namespace godwit::golden
