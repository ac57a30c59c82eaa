// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/mysql_family/dialect_traits.h"
#include "connectors/mysql_family/session.h"
#include "endpoint/dialect.h"

namespace godwit::mysql {

// Whether the column's default, an expression, stands without parentheses: MySQL 5.6 knows none
// around it, and what it knows needs none.
bool IsPlainDefault(const ColumnSchema& column);

// MySQL's SQL as one server of the family speaks it.
class MysqlDialect : public Dialect {
 public:
  explicit MysqlDialect(const ServerInfo& server);

  std::string_view family() const override { return "mysql"; }
  using Dialect::Quote;
  std::string Quote(std::string_view identifier) const override;
  std::string Literal(std::string_view text) const override;
  std::string FoldTableName(std::string_view name) const override;
  bool HasCollation(std::string_view collation) const override;
  TableSchema Adapted(const TableSchema& table, std::vector<DialectNote>& notes) const override;
  std::string MapTableNames(std::string_view select, std::string_view default_database,
                            const TableNameMap& map) const override;

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
  std::string ScriptHead() const override;
  std::string ChangeRow(const TableSchema& table, const std::vector<int>& columns,
                        const std::optional<RowImage>& before,
                        const std::optional<RowImage>& after) const override;
  SchemaChange ParseDdl(std::string_view statement, std::string_view default_database,
                        std::string_view sql_mode) const override;

  const ServerInfo& server() const { return server_; }
  const DialectTraits& traits() const { return traits_; }

 private:
  friend class AlterRenderer;

  // dialect.cc: definitions as text.
  std::string Column(const ColumnSchema& column) const;
  std::string Default(const ColumnSchema& column) const;
  std::string Charset(std::string_view charset, std::string_view collation) const;
  std::string KeyParts(const IndexSchema& index) const;
  std::string Index(const IndexSchema& index) const;
  std::string ForeignKey(const ForeignKeySchema& key) const;
  std::string Check(const CheckSchema& check) const;
  std::string CheckName(const std::string& name, const TableName& table) const;
  bool IsGlobal(const IndexSchema& index, const TableSchema& table) const;

  // dialect_partitions.cc
  std::string Partition(const Partitioning::Partition& partition,
                        const Partitioning::Level& level) const;
  std::string PartitionTree(const Partitioning::Partition& partition,
                            const Partitioning& whole) const;
  std::string Partitions(const Partitioning& partitioning) const;

  // dialect_adapt.cc
  void AdaptColumn(ColumnSchema& column, const TableSchema& table,
                   std::vector<DialectNote>& notes) const;
  void AdaptType(ColumnSchema& column, const TableName& table,
                 std::vector<DialectNote>& notes) const;
  void AdaptDefault(ColumnSchema& column, const TableSchema& table,
                    std::vector<DialectNote>& notes) const;
  bool AdaptIndex(IndexSchema& index, const TableSchema& table,
                  std::vector<DialectNote>& notes) const;
  void AdaptChecks(TableSchema& table, std::vector<DialectNote>& notes) const;
  void AdaptPartitioning(Partitioning& partitioning, std::vector<DialectNote>& notes) const;
  std::string AdaptExpression(std::string_view expression) const;

  ServerInfo server_;
  DialectTraits traits_;
};

}  // namespace godwit::mysql
