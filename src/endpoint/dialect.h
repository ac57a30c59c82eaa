// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/schema_change.h"
#include "model/table_schema.h"

namespace godwit {

// One statement of a converted definition. `what` says for people which part it is.
struct Statement {
  enum class Part { kDatabase, kTable, kIndex, kForeignKey, kView, kAlter, kOther };
  Part part = Part::kOther;
  TableName table;
  std::string object;  // the index's or constraint's name, where it has one
  std::string sql;
  std::string time_zone = "";  // to run it in, an offset from UTC ("+08:00"); empty: in UTC

  bool operator==(const Statement&) const = default;
};

struct CreateOptions {
  bool defer_plain_indexes = false;  // non-unique ones come from CreateIndexes later
  bool defer_foreign_keys = true;
};

// A whole row's canonical cells; nullopt is NULL.
using RowImage = std::vector<std::optional<std::string>>;

// What a definition loses or changes on its way into a server; never a reason to stop.
struct DialectNote {
  std::string column;  // empty: about the table
  std::string text;
  bool loses = false;  // something that applications rely on
};

using TableNameMap = std::function<TableName(const TableName&)>;

// Writes a server's SQL. Immutable after construction; any thread. Definitions given to it are
// already in this server's terms (translate/ does that).
class Dialect {
 public:
  virtual ~Dialect() = default;

  // "mysql" for every server that speaks MySQL's SQL.
  virtual std::string_view family() const = 0;
  virtual std::string Quote(std::string_view identifier) const = 0;
  std::string Quote(const TableName& name) const {
    return Quote(name.database) + "." + Quote(name.table);
  }
  // A literal of this text, quoted and escaped.
  virtual std::string Literal(std::string_view text) const = 0;
  // How the server stores a name (lower_case_table_names), for comparing names.
  virtual std::string FoldTableName(std::string_view name) const = 0;
  // Two names that differ in case only are one where the server folds them.
  TableName Folded(const TableName& name) const {
    return {FoldTableName(name.database), FoldTableName(name.table)};
  }
  virtual bool HasCollation(std::string_view collation) const = 0;

  // The definition in the form this server can have it, as its catalogue will show it. What it can
  // only nearly do is noted; what it cannot do at all throws DDL_NOT_CONVERTIBLE (kBlocked).
  virtual TableSchema Adapted(const TableSchema& table, std::vector<DialectNote>& notes) const {
    static_cast<void>(notes);
    return table;
  }
  // A view's SELECT with every table in it renamed; names without a database are of
  // `default_database`.
  virtual std::string MapTableNames(std::string_view select, std::string_view default_database,
                                    const TableNameMap& map) const {
    static_cast<void>(default_database);
    static_cast<void>(map);
    return std::string(select);
  }

  virtual std::string CreateDatabase(std::string_view name, std::string_view charset,
                                     std::string_view collation) const = 0;
  virtual std::vector<Statement> CreateTable(const TableSchema& table,
                                             const CreateOptions& options) const = 0;
  // One statement for each index that CreateTable left out under these options.
  virtual std::vector<Statement> CreateIndexes(const TableSchema& table) const = 0;
  virtual std::vector<Statement> CreateForeignKeys(const TableSchema& table) const = 0;
  virtual std::vector<Statement> CreateView(const ViewSchema& view) const = 0;
  virtual std::string DropTable(const TableName& table) const = 0;
  // The statements that do what `change` says. `before` is the destination's table before it (for
  // kAlterTable). Throws DDL_NOT_CONVERTIBLE (kBlocked) with the clause that cannot be done.
  virtual std::vector<Statement> Render(const SchemaChange& change,
                                        const TableSchema* before) const = 0;

  // What ChangeRow's statements take for granted of a session, as statements to run before them.
  virtual std::string ScriptHead() const { return ""; }

  // One row's change as a statement for people to run: no `before` inserts, no `after` deletes. It
  // touches one row at most, and only while that is `before` in every byte. Cells are in the order
  // of `columns`, ordinals of table.columns. Empty where the server has no text for it.
  virtual std::string ChangeRow(const TableSchema& /*table*/, const std::vector<int>& /*columns*/,
                                const std::optional<RowImage>& /*before*/,
                                const std::optional<RowImage>& /*after*/) const {
    return "";
  }

  // Parses one statement of this server's SQL as found in its log.
  virtual SchemaChange ParseDdl(std::string_view statement, std::string_view default_database,
                                std::string_view sql_mode) const = 0;
};

}  // namespace godwit
