// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/schema_change.h"

namespace godwit {

// Works out what an ALTER TABLE that the source has carried out made of a table.
//
// The clauses of one statement are not steps: a server looks every old name up in the table as it
// was, and every new one in the table as it will be, so that RENAME COLUMN a TO b, RENAME COLUMN b
// TO a swaps two columns and DROP COLUMN a, ADD COLUMN a replaces one. Hence the order here:
//   1. old columns, each dropped, replaced in place, renamed or kept;
//   2. columns added or moved, in the order of the clauses, beside columns by their new names;
//   3. old indexes, foreign keys, checks and partitions: dropped, or carried over to the columns'
//      new names; an index loses the parts whose column is gone, and goes with its last one;
//   4. added ones, of which a server names those without a name in the order of the clauses.
// The statement succeeded, so a clause that cannot apply (a column dropped that is not there) had
// IF EXISTS, and does nothing.
class Alteration {
 public:
  // Both outlive it.
  Alteration(const TableSchema& before, const std::vector<AlterAction>& actions)
      : before_(before), actions_(actions), after_(before) {}

  // nullopt: the text does not tell the columns.
  std::optional<AlteredTable> Run();
  // See WithNames.
  std::vector<AlterAction> Named();

 private:
  using Kind = AlterAction::Kind;

  const AlterAction* FindAction(Kind kind, std::string_view name) const;
  void OldColumns();
  bool PlaceColumns();
  bool Place(ColumnSchema column, const AlterAction& action);
  void TableOptions();
  bool ConvertCharset();
  void OldIndexes();
  void OldParts(IndexSchema& index) const;
  void OldForeignKeys();
  void OldChecks();
  bool DropsConstraint(std::string_view name) const;
  bool DropUnnamed();
  bool RenameInExpressions();
  bool RenameIn(std::string& expression, bool is_column_list) const;
  bool Partitions();
  bool AddPartitions(const AlterAction& action);
  bool Reorganize(const AlterAction& action);
  // The actions as Named gives them.
  std::vector<AlterAction> AddObjects();
  bool IsCovered(const std::vector<std::string>& columns) const;
  void AddIndex(IndexSchema& index);
  bool AddForeignKey(AlterAction& action);
  void AddCheck(AlterAction& action);
  void RenameTable();

  const TableSchema& before_;
  const std::vector<AlterAction>& actions_;
  TableSchema after_;
  std::vector<std::string> dropped_;
  std::vector<std::pair<std::string, std::string>> renamed_;
  std::vector<std::string> replaced_;  // new names of columns whose definition came with a clause
};

}  // namespace godwit
