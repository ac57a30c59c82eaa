// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
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

// Takes the table out at the destination.
void DropTable(Sink& sink, const Dialect& dialect, const TableName& destination,
               std::stop_token stop);
// Whether the destination's table, of this definition, has any.
bool HasRows(Endpoint& destination, const TableSchema& table);

// Whether the error says that a definition is not (any more) what it was taken for: while changes
// are followed a DDL may have come between two looks.
bool TellsOfDefinitions(const Error& error);

// Names that stand for something at a server, tables and views alike; told apart as the server
// does. Lists each database once. One thread; what it is made of must outlive it.
class TakenNames {
 public:
  TakenNames(Catalog& catalog, const Dialect& dialect) : catalog_(catalog), dialect_(dialect) {}
  bool Has(const TableName& name);

 private:
  Catalog& catalog_;
  const Dialect& dialect_;
  std::map<std::string, std::set<std::string>> databases_;  // names as the server folds them
};

// Creates databases, tables and views at the destination. Each object's journal entry holds the
// source's definition, the statements and what became of them; one that fails does not stop the
// rest, but the stage ends with SCHEMA_INCOMPLETE until each is done, edited or skipped.
//
// An object goes absent → "running" (with its statements) → created → "done". Found "running", a
// table that was absent before is dropped and made again: nothing but this stage can have made it.
// A view is replaced then; one that stands there before is the user's, and in the way. What the
// source alters while the stage waits for answers is made again by its next Run.
class SchemaStage : public Stage {
 public:
  SchemaStage(Link& link);
  std::string_view name() const override { return "schema"; }
  void Run(std::stop_token stop) override;

  // Whether views of the source are others than those that were made. What became of them before
  // the start point of capture is in no log: to be called once capture is ready and before
  // anything is copied. If so the stage is open again, and the next Run is about views alone: it
  // makes those that are new or others and drops those of ours that the source has no longer; what
  // the user has answered for stays. Looks until it has found nothing, or Run has done it.
  bool ReopenForViews(std::stop_token stop);

  // Drops and creates one table again from this definition (its copy starts over), by the user's
  // own words where there are any. Used by the full stage; the table's rows are gone on return.
  // Records the definition in the journal. TABLE_IN_THE_WAY where the destination has one that is
  // not the project's.
  static void Recreate(Link& link, Catalog& destination, Sink& sink, const TableSchema& source,
                       std::stop_token stop);

 private:
  // Of the destination → of the source, whose defaults they get.
  void CreateDatabases(const std::map<std::string, std::string>& databases, std::stop_token stop);
  void CreateTable(const TableName& name, std::stop_token stop);
  void CreateViews(std::vector<TableName> views, std::stop_token stop);
  bool CreateView(const TableName& name, std::stop_token stop);
  // Nothing is to be done about the view: it is as the source has it, or the user has answered.
  bool IsSettled(const TableName& view);
  // Those of ours that the source, which has `views`, has no longer.
  std::vector<TableName> LostViews(const std::vector<TableName>& views) const;
  void DropLostViews(const std::vector<TableName>& views, std::stop_token stop);
  void DropView(const TableName& source, std::stop_token stop);
  void MatchTables(std::stop_token stop);

  Link& link_;
  StageJournal journal_;
  std::unique_ptr<Catalog> source_;
  std::unique_ptr<Catalog> destination_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<TakenNames> taken_;  // at the destination, when the run began
  int failed_ = 0;
};

}  // namespace godwit
