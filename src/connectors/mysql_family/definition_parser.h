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

// What a literal default was written as: BIT and YEAR make other values of 1 than of '1', and a
// text takes a number's own digits.
enum class LiteralForm { kText, kNumber };

struct WrittenDefault {
  ColumnSchema::Default value;
  LiteralForm form = LiteralForm::kText;
};

// Makes a column's literal default what the server itself shows of it. Throws ParseProblem where
// that is not known.
void SettleDefault(ColumnSchema& column, LiteralForm form);

// Whether tables of this engine have foreign keys.
bool HasForeignKeys(std::string_view engine);

// Parses the parts that CREATE TABLE and ALTER TABLE share: columns, keys, constraints, table
// options, partitions. Moves the cursor; throws ParseProblem. Does not own what it is given.
class DefinitionParser {
 public:
  DefinitionParser(TokenCursor& in, const DialectTraits& traits, std::string_view default_database)
      : in_(in),
        traits_(traits),
        default_database_(default_database),
        table_database_(default_database) {}

  // The table that is defined: a foreign key's REFERENCES is about its database.
  void UseTable(const TableName& table) { table_database_ = table.database; }
  TableName Name() { return NameIn(default_database_); }
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
  // `charset` is the one that it goes with where it does not name one.
  std::string CollationName(const std::string& charset);
  std::vector<KeyPart> KeyParts();
  void IndexOptions(IndexSchema& index);
  WrittenDefault DefaultValue();
  // What the server begins the name of a check with that has none.
  std::string CheckNames(const TableName& table) const;
  // Why what was parsed may mean something else at another server; empty: it does not.
  const std::string& doubt() const { return doubt_; }
  bool has_column_checks() const { return traits_.has_column_checks; }
  // What the server fills in behind CREATE TABLE: see ParseDdl.
  void FinishTable(TableSchema& table);

 private:
  // What a column's text said that ColumnSchema does not keep.
  struct Written {
    NativeType type;
    bool takes_null = false;       // NULL was written
    bool is_binary_text = false;   // CHAR … BINARY: the charset's _bin collation
    bool has_byte_labels = false;  // ENUM(x'41')
    LiteralForm default_form = LiteralForm::kText;
  };

  TableName NameIn(const std::string& database);
  NativeType TypeName();
  void TypeArguments(Written& written);
  bool ByteLabel(Written& written);
  void Attributes(ColumnSchema& column, Written& written, TableSchema& table);
  bool CharsetAttribute(ColumnSchema& column, Written& written);
  bool KeyAttribute(ColumnSchema& column, TableSchema& table);
  bool ConstraintAttribute(ColumnSchema& column, TableSchema& table);
  void JsonCheck(const ColumnSchema& column, TableSchema& table) const;
  void SettleType(ColumnSchema& column, const Written& written) const;
  void SettleSerial(ColumnSchema& column, Written& written, TableSchema& table) const;
  std::string TimestampFunction();
  void SpatialReference(ColumnSchema& column);
  ForeignKeySchema ForeignKey(std::string constraint);
  void Check(std::string constraint, const std::string& column, TableSchema& table);
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
  std::string table_database_;
  std::map<std::string, Written> written_;  // by column name
  std::string doubt_;
};

// Where a TIMESTAMP column stands among its table's.
enum class TimestampRank { kFirst, kLater };

// What a server with explicit_defaults_for_timestamp=OFF adds to a TIMESTAMP column that says
// neither NULL nor a default.
void FillTimestamp(ColumnSchema& column, TimestampRank rank);

std::string Lower(std::string_view text);
std::string Upper(std::string_view text);

}  // namespace godwit::mysql
