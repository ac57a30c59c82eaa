// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "pipeline/link.h"
#include "stage/journal.h"
#include "stage/stage.h"

namespace godwit {

// Equal for equal definitions; AUTO_INCREMENT's next value, which moves by itself, left out.
std::string DefinitionDigest(const TableSchema& table);

// Whether the error says that a definition is not (any more) what it was taken for: while changes
// are followed a DDL may have come between two looks.
bool TellsOfDefinitions(const Error& error);

// Creates databases, tables and views at the destination. Each object's journal entry holds the
// source's definition, the statements and what became of them; one that fails does not stop the
// rest, but the stage ends with SCHEMA_INCOMPLETE until each is done, edited or skipped.
//
// An object goes absent → "running" (with its statements) → created → "done". Found "running", a
// table that was absent before is dropped and made again: nothing but this stage can have made it.
class SchemaStage : public Stage {
 public:
  SchemaStage(Link& link);
  std::string_view name() const override { return "schema"; }
  void Run(std::stop_token stop) override;

  // Drops and creates one table again from this definition (its copy starts over), by the user's
  // own words where there are any. Used by the full stage; the table's rows are gone on return.
  // Records the definition in the journal. TABLE_IN_THE_WAY where the destination has one that is
  // not the project's.
  static void Recreate(Link& link, Catalog& destination, Sink& sink, const TableSchema& source,
                       std::stop_token stop);

 private:
  void CreateDatabases(const std::set<std::string>& databases, std::stop_token stop);
  static std::vector<Statement> StatementsOf(const Link& link, const TableSchema& table,
                                             bool defers_indexes, nlohmann::json& detail);
  void CreateTable(const TableName& name, std::stop_token stop);
  bool DefersIndexes(const TableSchema& table);
  bool CreateView(const TableName& name, std::stop_token stop);

  Link& link_;
  StageJournal journal_;
  std::unique_ptr<Catalog> source_;
  std::unique_ptr<Catalog> destination_;
  std::unique_ptr<Sink> sink_;
  int failed_ = 0;
};

}  // namespace godwit
