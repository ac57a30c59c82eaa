// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "endpoint/dialect.h"

namespace godwit::memory {

// The memory server knows no SQL. A statement is a few words for people, then the encoded
// SchemaChange in hexadecimal, which is what the server obeys: "create table shop.orders #0a1b…".
class MemoryDialect : public Dialect {
 public:
  std::string_view family() const override { return "memory"; }
  using Dialect::Quote;
  std::string Quote(std::string_view identifier) const override { return std::string(identifier); }
  std::string Literal(std::string_view text) const override;
  std::string FoldTableName(std::string_view name) const override { return std::string(name); }
  bool HasCollation(std::string_view collation) const override;

  std::string CreateDatabase(std::string_view name, std::string_view charset,
                             std::string_view collation) const override;
  std::vector<Statement> CreateTable(const TableSchema& table,
                                     const CreateOptions& options) const override;
  std::vector<Statement> CreateIndexes(const TableSchema& table) const override;
  std::vector<Statement> CreateForeignKeys(const TableSchema& table) const override;
  std::vector<Statement> CreateView(const ViewSchema& view) const override;
  std::string DropTable(const TableName& table) const override;
  std::vector<Statement> Render(const SchemaChange& change,
                                const TableSchema* before) const override;
  SchemaChange ParseDdl(std::string_view statement, std::string_view default_database,
                        std::string_view sql_mode) const override;
};

}  // namespace godwit::memory
