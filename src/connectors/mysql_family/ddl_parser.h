// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/mysql_family/dialect_traits.h"
#include "connectors/mysql_family/lexer.h"
#include "model/schema_change.h"
#include "model/table_schema.h"

namespace godwit::mysql {

// What the text of a statement leaves open.
struct DdlContext {
  std::string_view default_database;
  std::string_view sql_mode;  // names, or the number a binlog event carries
  // Default of the table's database; empty: not known.
  std::string_view database_charset;
  std::string_view database_collation;
  // The session's explicit_defaults_for_timestamp; nullopt: not said, it is as its server's traits
  // say.
  std::optional<bool> explicit_timestamps;
};

// Parses one statement as a server of these traits wrote it to its log, in UTF-8. Never throws:
// what it cannot read is kUnknown with `problem` (and the table's name, if it came that far).
//
// Definitions are what SHOW CREATE TABLE would print: synonyms of types resolved, columns of a
// primary key not nullable, unnamed keys named, a key for every foreign key that lacks one, charset
// and collation of every text column. What the text does not tell stays empty: charset and
// collation of a table that leaves them to its database (and of its text columns without their
// own), and those of a column in ALTER TABLE; the name of an unnamed index, check or foreign key in
// ALTER TABLE (SettleAlteration gives it against the table). `problem` of a statement that it can
// read says why another server would read it otherwise.
SchemaChange ParseDdl(std::string_view statement, const DdlContext& context,
                      const DialectTraits& traits);

// MariaDB's SET STATEMENT a=1, b=2 FOR, which may stand before any statement, also several times.
struct SetStatement {
  size_t end = 0;                      // the first token behind it; 0: there is none
  std::vector<std::string> variables;  // in lower case
};
SetStatement FindSetStatement(const std::vector<Token>& tokens);
// Whether a definition is the same whatever this variable of its session is.
bool LeavesMeaning(std::string_view variable);

// The defaults that explicit_defaults_for_timestamp=OFF gives to what an ALTER TABLE adds or
// changes: they depend on where in the table it stands. `before` is the table before it.
void SettleTimestamps(SchemaChange& change, const TableSchema& before);

// What an ALTER TABLE leaves to the table as it was before it: names that the server gives, the
// index that it makes for a foreign key, the bounds and the order of texts that tell partitions
// apart.
void SettleAlteration(SchemaChange& change, const TableSchema& before);

// The collations of the texts that RANGE COLUMNS or LIST COLUMNS is over, with commas between them.
std::string PartitionCollations(const TableSchema& table);

// The output of SHOW CREATE TABLE. Throws DEFINITION_NOT_UNDERSTOOD (kBlocked).
TableSchema ParseCreateTable(std::string_view sql, std::string_view database,
                             const DialectTraits& traits = {});

// The output of SHOW CREATE VIEW, or CREATE VIEW as logged. Throws DEFINITION_NOT_UNDERSTOOD.
ViewSchema ParseCreateView(std::string_view sql, const DdlContext& context,
                           const DialectTraits& traits = {});

// The name the server gives to an index without one: its first column's, else that with _2, _3 ….
std::string UnusedIndexName(const IndexSchema& index, const std::vector<IndexSchema>& taken);

}  // namespace godwit::mysql
