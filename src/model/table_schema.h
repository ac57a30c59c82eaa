// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/logical_type.h"

namespace godwit {

// Names as the server stores them, unquoted.
struct TableName {
  std::string database;
  std::string table;

  // "shop.orders"; a name with a dot or a backquote in it is quoted, as in an object rule:
  // "`a.b`.c". So each text stands for one name, and FromText gives it back.
  std::string ToString() const;
  static TableName FromText(std::string_view text);
  auto operator<=>(const TableName&) const = default;
};

// Expressions and native types are in the SQL of the server the definition was read from
// (TableSchema::dialect); only that dialect's family renders or translates them.
struct ColumnSchema {
  struct Default {
    enum class Kind { kLiteral, kExpression };
    Kind kind = Kind::kLiteral;
    std::string text;  // a literal's plain value (not quoted), or the expression's SQL

    bool operator==(const Default&) const = default;
  };
  enum class Generated { kNo, kVirtual, kStored };

  std::string name;
  LogicalType type;
  std::string native_type;  // as the server prints it, e.g. "int(10) unsigned zerofill"
  bool nullable = true;
  std::optional<Default> default_value;  // nullopt: no DEFAULT clause (NULL where nullable)
  std::string on_update;                 // e.g. "CURRENT_TIMESTAMP(3)"
  Generated generated = Generated::kNo;
  std::string generation_expression;
  bool auto_increment = false;
  bool invisible = false;
  std::string charset;    // empty for types without one
  std::string collation;  // the server's name for it
  std::string comment;

  bool is_generated() const { return generated != Generated::kNo; }
  // One that is still without its charset's name: kBinaryText, MariaDB's "_uca1400_ai_ci".
  bool has_open_collation() const { return collation.starts_with('_'); }
  // Text that was written without a charset takes its table's, and that charset's collation where
  // its own is open.
  void InheritCharset(const std::string& from_charset, const std::string& from_collation);
  bool operator==(const ColumnSchema&) const = default;
};

// Collation of text written BINARY while its charset is not known: the charset's own binary one.
inline constexpr const char* kBinaryText = "_bin";

struct KeyPart {
  std::string column;          // empty where `expression` is set
  std::string expression;      // functional key part
  uint32_t prefix_length = 0;  // characters or bytes; 0: whole column
  bool descending = false;

  bool operator==(const KeyPart&) const = default;
};

struct IndexSchema {
  enum class Kind { kPrimary, kUnique, kPlain, kFullText, kSpatial };

  std::string name;
  Kind kind = Kind::kPlain;
  std::vector<KeyPart> parts;
  std::string comment;
  std::string parser;  // full-text parser, empty for the default
  bool invisible = false;

  bool is_unique() const { return kind == Kind::kPrimary || kind == Kind::kUnique; }
  bool operator==(const IndexSchema&) const = default;
};

// Whether the index begins with these columns, each of them whole.
bool Covers(const IndexSchema& index, const std::vector<std::string>& columns);

struct ForeignKeySchema {
  std::string name;
  std::vector<std::string> columns;
  TableName referenced;
  std::vector<std::string> referenced_columns;
  std::string on_delete;  // "CASCADE", "SET NULL", "RESTRICT", "NO ACTION"
  std::string on_update;

  bool operator==(const ForeignKeySchema&) const = default;
};

// Whether the server itself writes child rows when a parent row changes.
bool Cascades(const ForeignKeySchema& key);
// Whether it changes rows of the child that stay.
bool ChangesChildren(const ForeignKeySchema& key);

struct CheckSchema {
  std::string name;
  std::string expression;
  bool enforced = true;
  // The column that it belongs to, where a new definition of that one ends it (MariaDB); empty: the
  // table's.
  std::string column = "";

  bool operator==(const CheckSchema&) const = default;
};

struct Partitioning {
  enum class Method { kRange, kRangeColumns, kList, kListColumns, kHash, kKey };
  struct Partition {
    std::string name;
    std::string values;  // the text inside LESS THAN (…) or IN (…); empty for hash and key
    std::string comment;
    std::vector<Partition> subpartitions;

    bool operator==(const Partition&) const = default;
  };
  struct Level {
    Method method = Method::kRange;
    bool linear = false;
    std::string expression;  // the text between the parentheses: expression or column list

    bool operator==(const Level&) const = default;
  };

  Level level;
  std::optional<Level> sub_level;
  std::vector<Partition> partitions;

  bool operator==(const Partitioning&) const = default;
};

// A table's definition at one moment. Shared as shared_ptr<const TableSchema>; immutable then.
struct TableSchema {
  TableName name;
  std::string dialect;                // family whose SQL the expressions are in, e.g. "mysql"
  std::vector<ColumnSchema> columns;  // every column in table order, generated and invisible too
  std::vector<IndexSchema> indexes;   // the primary key first where there is one
  std::vector<ForeignKeySchema> foreign_keys;
  std::vector<CheckSchema> checks;
  std::optional<Partitioning> partitioning;
  std::string engine;
  std::string charset;
  std::string collation;
  std::string comment;
  uint64_t next_auto_increment = 0;  // 0: none

  // Index of the column with this name (names compare without case where the server does so;
  // here ASCII case is folded), -1 if there is none.
  int FindColumn(std::string_view column) const;
  const IndexSchema* primary_key() const;
  // The index rows are identified, chunked and compared by: the primary key, else the first unique
  // index over whole, not nullable, not generated columns without expressions; nullptr: keyless.
  const IndexSchema* identity_key() const;
  // Ordinals of the identity key's columns; empty if keyless.
  std::vector<int> identity_columns() const;

  bool operator==(const TableSchema&) const = default;
};

using TableSchemaPtr = std::shared_ptr<const TableSchema>;

struct ViewSchema {
  TableName name;
  std::string dialect;
  std::string select;  // the statement after AS, names qualified
  std::vector<std::string> columns;
  std::string check_option;  // "", "LOCAL" or "CASCADED"
  std::string definer;

  bool operator==(const ViewSchema&) const = default;
};

// Compact binary form for the Store (docs/formats.md); DecodeTableSchema throws CORRUPT_BYTES.
std::string EncodeTableSchema(const TableSchema& table);
TableSchema DecodeTableSchema(std::string_view bytes);

}  // namespace godwit
