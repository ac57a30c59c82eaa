// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/mysql_family/dialect_traits.h"
#include "connectors/mysql_family/token_cursor.h"
#include "connectors/mysql_family/types.h"
#include "model/table_schema.h"

namespace godwit::mysql {

// Parses the parts that CREATE TABLE and ALTER TABLE share: columns, keys, constraints, table
// options, partitions. Moves the cursor; throws ParseProblem. Does not own what it is given.
class DefinitionParser {
 public:
  DefinitionParser(TokenCursor& in, const DialectTraits& traits, std::string_view default_database)
      : in_(in), traits_(traits), default_database_(default_database) {}

  TableName Name();
  // Column name and everything about it; keys and constraints written inline go into `table`.
  ColumnSchema Column(TableSchema& table);
  ColumnSchema ColumnAfterName(std::string name, TableSchema& table);
  // At a key or constraint? Then parses it into `table` and returns true.
  bool TableElement(TableSchema& table);
  // One table option; false at something else. Options without a meaning elsewhere are skipped.
  bool TableOption(TableSchema& table);
  Partitioning Partitions();
  std::vector<Partitioning::Partition> PartitionList();
  std::string CharsetName();
  std::string CollationName();
  std::vector<KeyPart> KeyParts();
  void IndexOptions(IndexSchema& index);
  ColumnSchema::Default DefaultValue();
  // What the server fills in behind CREATE TABLE: see ParseDdl.
  void FinishTable(TableSchema& table);

 private:
  // What a column's text said that ColumnSchema does not keep.
  struct Written {
    NativeType type;
    bool takes_null = false;      // NULL was written
    bool is_binary_text = false;  // CHAR … BINARY: the charset's _bin collation
  };

  NativeType TypeName();
  void TypeArguments(NativeType& type);
  void Attributes(ColumnSchema& column, Written& written, TableSchema& table);
  bool CharsetAttribute(ColumnSchema& column, Written& written);
  bool KeyAttribute(ColumnSchema& column, TableSchema& table);
  bool ConstraintAttribute(ColumnSchema& column, TableSchema& table);
  void SettleType(ColumnSchema& column, const Written& written) const;
  void SettleSerial(ColumnSchema& column, Written& written, TableSchema& table) const;
  std::string TimestampFunction();
  void SpatialReference(ColumnSchema& column);
  ForeignKeySchema ForeignKey(std::string constraint);
  CheckSchema Check(std::string constraint);
  void Reference(ForeignKeySchema& key);
  Partitioning::Level PartitionLevel();
  Partitioning::Partition PartitionDefinition();

  void SettleTimestamps(TableSchema& table) const;
  void SettleCharsets(TableSchema& table) const;
  void SettleKeys(TableSchema& table) const;
  void AddForeignKeyIndexes(TableSchema& table) const;
  void NameConstraints(TableSchema& table) const;

  TokenCursor& in_;
  const DialectTraits& traits_;
  std::string default_database_;
  std::map<std::string, Written> written_;  // by column name
};

// Where a TIMESTAMP column stands among its table's.
enum class TimestampRank { kFirst, kLater };

// What a server with explicit_defaults_for_timestamp=OFF adds to a TIMESTAMP column that says
// neither NULL nor a default.
void FillTimestamp(ColumnSchema& column, TimestampRank rank);

std::string Lower(std::string_view text);
std::string Upper(std::string_view text);

}  // namespace godwit::mysql
