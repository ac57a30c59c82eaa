// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/table_schema.h"

namespace godwit {

// How one source table is carried over.
struct TableMapping {
  TableName destination;
  std::map<std::string, std::string> column_names;  // source → destination, renamed ones only
  std::vector<std::string> columns;                 // empty: all
  std::vector<std::string> excluded_columns;
  std::string where;  // row filter, empty: every row

  // Columns are found by name without case, as servers find them.
  bool Carries(std::string_view column) const;
  std::string NameOf(const std::string& column) const;  // its name at the destination

  bool operator==(const TableMapping&) const = default;
};

// One rule: "db.pattern", "db.pattern=other_db" or "db.tab*=other_db.table". Patterns know
// * ? [a-z] [!a-z]; a name in backquotes is taken literally. Later rules win over earlier ones.
struct ObjectRule {
  std::string text;
  std::string database_pattern;
  std::string table_pattern;
  std::string to_database;  // empty: the same
  std::string to_table;     // empty: the same
  std::map<std::string, std::string> column_names;
  std::vector<std::string> columns;
  std::vector<std::string> excluded_columns;
  std::string where;

  // Throws RULE_INVALID.
  static ObjectRule Parse(std::string_view text);
  bool Matches(const TableName& name) const;
  // It only names objects, and says nothing of what becomes of them.
  bool is_pattern_only() const;
  // It takes every object of its databases.
  bool is_whole() const { return table_pattern == "*" && to_table.empty(); }
  // Where objects of this database go.
  std::string DatabaseOf(std::string_view database) const {
    return to_database.empty() ? std::string(database) : to_database;
  }
  bool operator==(const ObjectRule&) const = default;
};

// Which objects a link carries and under which names. Immutable value; a change of rules is a new
// one.
class ObjectRules {
 public:
  ObjectRules() = default;
  ObjectRules(std::vector<ObjectRule> include, std::vector<ObjectRule> exclude)
      : include_(std::move(include)), exclude_(std::move(exclude)) {}

  // nullopt: not selected. Godwit's own tables never are.
  std::optional<TableMapping> Find(const TableName& name) const;
  // Whether it is left out although a rule may select it.
  bool IsExcluded(const TableName& name) const;
  // Whether any object of this database could be selected.
  bool MaySelect(std::string_view database) const;
  // Where a database's unlisted things (CREATE DATABASE) go; the database's own name by default.
  std::string DestinationDatabase(std::string_view database) const;

  const std::vector<ObjectRule>& include() const { return include_; }
  const std::vector<ObjectRule>& exclude() const { return exclude_; }
  bool operator==(const ObjectRules&) const = default;

 private:
  std::vector<ObjectRule> include_;
  std::vector<ObjectRule> exclude_;
};

// The database that holds Godwit's own tables on a server.
inline constexpr std::string_view kOwnDatabase = "godwit";
// Its only table elsewhere, where the user has named a database for it: never selected.
inline constexpr std::string_view kHeartbeatTable = "godwit_heartbeat";

// Whether `text` (UTF-8) matches a pattern of * ? [a-z] [!a-z]; a backslash takes the next
// character as is.
bool MatchesPattern(std::string_view pattern, std::string_view text);

}  // namespace godwit
