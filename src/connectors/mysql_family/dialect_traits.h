// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "connectors/mysql_family/session.h"

namespace godwit::mysql {

// What one server of the family understands and how it writes its definitions down. Immutable
// value.
struct DialectTraits {
  Flavor flavor = Flavor::kMySql;
  int version = 90000;  // as ServerInfo::version_number
  int lower_case_table_names = 0;
  std::set<std::string, std::less<>> collations;  // empty: not known, every one is taken
  // Charset → default collation where the server's own table says so; DefaultCollation otherwise.
  std::map<std::string, std::string, std::less<>> default_collations;

  bool has_expression_defaults = true;
  bool has_text_defaults = true;  // DEFAULT (expression) for TEXT, BLOB, JSON, GEOMETRY too
  bool has_functional_indexes = true;
  bool has_descending_indexes = true;
  bool has_invisible_columns = true;
  bool has_invisible_indexes = true;
  bool has_checks = true;
  bool has_check_enforcement = true;  // NOT ENFORCED
  bool has_generated_columns = true;
  bool has_rename_column = true;
  bool has_json = true;
  bool has_fulltext = true;
  bool has_fulltext_parsers = true;
  bool has_spatial_indexes = true;
  bool has_srid = true;
  bool has_linear_partitions = true;
  bool has_partition_comments = true;
  bool has_global_indexes = false;  // UNIQUE keys without the partitioning columns, as GLOBAL
  bool has_partition_reorganization = true;  // REORGANIZE, COALESCE, REMOVE PARTITIONING, …
  bool shows_display_width = false;          // prints int(11), not int
  bool shows_utf8mb3 = true;                 // calls its 3-byte UTF-8 utf8mb3, not utf8
  bool honours_inline_references = false;    // REFERENCES within a column makes a foreign key
  bool has_column_checks = false;            // tells a column's CHECK from the table's (MariaDB)
  bool explicit_timestamps = true;           // TIMESTAMP takes NULL and gets no default by itself
  bool combines_clauses = true;              // runs any mix of clauses in one ALTER TABLE
  int max_index_bytes = 3072;

  static DialectTraits For(Flavor flavor, int version);
  static DialectTraits For(const ServerInfo& server);

  // The server's name of a charset or collation that has two (utf8 and utf8mb3).
  std::string CanonicalCharset(std::string_view charset) const;
  std::string CanonicalCollation(std::string_view collation) const;
  std::string DefaultCollationOf(std::string_view charset) const;
};

}  // namespace godwit::mysql
