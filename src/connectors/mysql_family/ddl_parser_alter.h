// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "connectors/mysql_family/definition_parser.h"
#include "connectors/mysql_family/token_cursor.h"
#include "model/schema_change.h"

namespace godwit::mysql {

// The clauses of ALTER TABLE, one action or several for each. Moves the cursor; throws
// ParseProblem. Does not own what it is given.
class AlterParser {
 public:
  AlterParser(TokenCursor& in, DefinitionParser& definitions, SchemaChange& out)
      : in_(in), definitions_(definitions), out_(out) {}

  // Everything behind the table's name.
  void Clauses();

 private:
  AlterAction& Add(AlterAction::Kind kind);
  void AddElements(TableSchema& elements);
  void Place(AlterAction& action);
  void Clause();
  void AddClause();
  void AddColumns(TableSchema& elements);
  void DropClause();
  void ModifyClause();
  void AlterClause();
  void RenameClause();
  void ConvertClause();
  bool PartitionClause();
  void Reorganize();
  void Exchange();
  bool Convert();
  bool IneffectiveClause();
  void OptionClause();
  bool IfExists();
  void Names(std::vector<std::string>& names);
  void SkipClause();

  TokenCursor& in_;
  DefinitionParser& definitions_;
  SchemaChange& out_;
};

}  // namespace godwit::mysql
