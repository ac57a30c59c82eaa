// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/table_schema.h"

namespace godwit {

// One clause of an ALTER TABLE (CREATE INDEX and DROP INDEX are clauses too).
struct AlterAction {
  enum class Kind {
    kAddColumn,      // column, after/first
    kDropColumn,     // name
    kModifyColumn,   // name → column (a new name in `column` renames), after/first; check.column
                     // is its old name where checks of its own go
    kRenameColumn,   // name → new_name
    kSetDefault,     // name, column.default_value; text: NUMBER or TEXT, what was written;
                     // empty: the default has its column's form
    kDropDefault,    // name
    kSetVisibility,  // name, column.invisible
    kAddIndex,       // index
    kDropIndex,      // name
    kDropPrimaryKey,
    kRenameIndex,         // name → new_name
    kIndexVisibility,     // name, index.invisible
    kAddForeignKey,       // foreign_key; text: what its name begins with if the server gives it
    kDropForeignKey,      // name
    kAddCheck,            // check; text as above, empty where the server gives none
    kDropCheck,           // name
    kCheckEnforcement,    // name, check.enforced
    kDropConstraint,      // name: a check or a foreign key, known only against the table
    kAddPartitions,       // partitions
    kDropPartitions,      // names; text: the source's PartitionCollations; partitioning: its own
    kTruncatePartitions,  // names, empty means ALL; the rest as above
    kReorganize,          // text: anything else about partitions; partitioning for PARTITION BY
    kTableComment,        // text
    kTableCharset,        // charset/collation for new columns
    kConvertCharset,      // charset/collation for all text columns
    kAutoIncrement,       // number
    kRenameTable,         // new_table
    kNoEffect,            // ALGORITHM=, ROW_FORMAT=, ORDER BY … : nothing to do elsewhere; text
                          // ENGINE: new_name, which decides what the table can have
    kUnknown,             // text: a clause the parser does not know
  };

  Kind kind = Kind::kUnknown;
  std::string name;
  std::string new_name;
  ColumnSchema column;
  bool first = false;
  std::string after;  // empty: at the end, unless `first`
  IndexSchema index;
  ForeignKeySchema foreign_key;
  CheckSchema check;
  std::vector<Partitioning::Partition> partitions;
  std::vector<std::string> names;
  std::string text;
  std::string charset;
  std::string collation;
  uint64_t number = 0;
  TableName new_table;
  std::optional<Partitioning> partitioning;
};

// A data definition statement as seen in a source's log, parsed. `statement` is kept for the user
// and for what could not be parsed.
struct SchemaChange {
  enum class Kind {
    kCreateTable,     // table, definition (complete); like_table for CREATE … LIKE
    kDropTable,       // tables
    kTruncateTable,   // table
    kRenameTable,     // renames, in statement order
    kAlterTable,      // table, actions
    kCreateView,      // table (the view's name); statement says the rest
    kDropView,        // tables
    kCreateDatabase,  // table.database
    kDropDatabase,    // table.database; tables: those there were that are followed
    kAlterDatabase,   // table.database, charset
    kIrrelevant,      // does not touch what Godwit migrates (users, grants, routines, …)
    kUnknown,         // could not be parsed: pauses the link if it may touch a selected object
  };

  Kind kind = Kind::kUnknown;
  std::string statement;
  std::string default_database;
  TableName table;
  std::vector<TableName> tables;
  std::vector<std::pair<TableName, TableName>> renames;
  std::optional<TableSchema> definition;
  std::optional<TableName> like_table;
  // CREATE … LIKE at a server that names the new table's checks itself, by number: what the names
  // begin with. As parsed, not stored.
  std::string check_names;
  std::optional<ViewSchema> view;
  std::vector<AlterAction> actions;
  bool if_exists = false;  // IF EXISTS / IF NOT EXISTS was given
  bool replaces = false;   // CREATE OR REPLACE TABLE, as parsed: a reader yields the drop before it
  bool temporary = false;  // concerns temporary tables only: to be ignored
  // A CREATE TABLE, also one that is kUnknown: nobody knows the table's columns then. As parsed,
  // not stored.
  bool creates_table = false;
  std::string charset;
  std::string collation;
  // For kUnknown what the parser stumbled on; else why it must not be followed as it is.
  std::string problem;
  // What CURRENT_TIMESTAMP(6) was to the statement, in UTC and in its session's time zone; empty
  // where the log does not say, or nothing depends on it.
  std::string moment_utc;
  std::string moment_local;
  // The times in it are in UTC. Where it still depends on the time zone of its session: the zone's
  // offset from UTC ("+08:00"), or its name if that is not the same at all times.
  std::string time_zone;

  bool is_about_database() const {
    return kind == Kind::kCreateDatabase || kind == Kind::kDropDatabase ||
           kind == Kind::kAlterDatabase;
  }
  bool is_about_view() const { return kind == Kind::kCreateView || kind == Kind::kDropView; }
  bool has_fixed_zone() const { return time_zone.starts_with('+') || time_zone.starts_with('-'); }
};

// What an ALTER TABLE made of a table. Its columns and indexes are known; constraints, expressions
// and partitions may be as they were, unless it `is_whole`.
struct AlteredTable {
  TableSchema table;
  bool is_whole = true;
};

// The table after the change's actions (kAlterTable). nullopt: not even the columns can be known
// from the text.
std::optional<AlteredTable> AlterTable(const TableSchema& table,
                                       const std::vector<AlterAction>& actions);
// The same, nullopt also where the text does not tell the whole of it.
std::optional<TableSchema> ApplyActions(const TableSchema& table,
                                        const std::vector<AlterAction>& actions);
// The actions with the names that the server gives to indexes and constraints without one, and with
// the index that it makes for a foreign key. What has a name keeps it.
std::vector<AlterAction> WithNames(const TableSchema& table,
                                   const std::vector<AlterAction>& actions);

}  // namespace godwit
