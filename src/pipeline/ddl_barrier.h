// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/retry.h"
#include "endpoint/catalog.h"
#include "model/schema_change.h"
#include "pipeline/blocked.h"
#include "pipeline/lane_writer.h"
#include "pipeline/link.h"
#include "pipeline/replay_tables.h"

namespace godwit {

// A project's setting: up to this sequence of the Log, what became of views is in those that the
// schema stage has made.
inline constexpr std::string_view kViewsLookedAt = "views.looked_at";

// Every table or view a change names, under old and new names.
std::vector<TableName> NamesOf(const SchemaChange& change);
// From and to, of RENAME TABLE and of ALTER TABLE … RENAME, in the statement's order.
std::vector<std::pair<TableName, TableName>> RenamesOf(const SchemaChange& change);

// Runs the source's DDL at the destination, each statement exactly once, also across crashes.
// Called with nothing in flight, by one thread.
//
// Before a statement runs, the intent is written: "ddl.<sequence>" in the project's settings, with
// the statements of the change, how many of them are behind us, and the catalogue's fingerprint of
// what they touch. After a crash the same fingerprint means that the statement did not happen, any
// other that it did: nothing else writes definitions of these tables while the lanes are drained.
class DdlBarrier {
 public:
  DdlBarrier(Link& link, LaneWriter& writer, const ReplayTables& tables,
             const LaneWriter::Options& options);

  // Runs all changes of one transaction, unless the record says that they ran.
  void Run(Sequence sequence, const std::vector<SchemaChange>& changes, std::stop_token stop);

 private:
  // How far the changes of one transaction are; what "ddl.<sequence>" holds.
  struct Record {
    Sequence sequence = 0;
    size_t unit = 0;                      // parts of the source's changes behind us
    size_t change = 0;                    // converted changes of the present unit behind us
    size_t next = 0;                      // statements of the present change behind us
    std::vector<std::string> statements;  // of the present change; empty: not yet converted
    bool has_intent = false;              // statements[next] may have run
    bool is_edited = false;               // statements[next] is the user's
    std::string before;                   // fingerprint before it
    std::string source;                   // for people
    SchemaChange::Kind kind = SchemaChange::Kind::kUnknown;  // of the unit that has the statements
  };

  // What no table's copy holds already; a statement on several tables is cut down, and so is a
  // database's that holds more at the destination.
  std::vector<SchemaChange> Uncopied(Sequence sequence, const SchemaChange& change,
                                     std::stop_token stop);
  bool HoldsOthers(const SchemaChange& drop, std::stop_token stop);
  // Where the converted statement waited, others may have got tables in the database. Throws
  // DDL_DATABASE_SHARED.
  void CheckDropped(const Record& record, const SchemaChange& source, const SchemaChange& change,
                    std::stop_token stop);
  // Tells the user what a statement has lost in translation.
  void NoteLosses(const SchemaChange& source, const std::vector<TranslationNote>& notes);
  void RunUnit(Record& record, const SchemaChange& source, std::stop_token stop);
  // What was answered while nobody ran. False: the unit is left out.
  bool ObeyGiven(Record& record, const SchemaChange& source);
  // False: the user wants the rest of the unit left out.
  bool RunConverted(Record& record, const SchemaChange& source, const SchemaChange& change,
                    std::stop_token stop);
  bool RunStatement(Record& record, const SchemaChange& source, const SchemaChange& change,
                    std::stop_token stop);
  void RunOnce(Record& record, const SchemaChange& change, std::stop_token stop);
  void MakeDatabases(const SchemaChange& change, std::stop_token stop);
  std::vector<std::string> Render(const SchemaChange& change, std::stop_token stop);
  Sequence ViewsLookedAt() const;
  bool IsInPlace(const SchemaChange& change, Sequence sequence, std::stop_token stop);
  void CheckOutcome(const SchemaChange& change, std::stop_token stop);
  void CheckOwnDestination(const SchemaChange& source) const;
  void NoteShared(const SchemaChange& source, Answer::Choice choice);
  bool IsLeftOut(const TableName& source) const;
  void ForgetLeftOut(const SchemaChange& source);
  std::string Fingerprint(const SchemaChange& change);
  Record Load(Sequence sequence) const;
  void Save(const Record& record);
  bool Exists(const TableName& table, std::stop_token stop);
  bool ViewExists(const TableName& view, std::stop_token stop);
  bool DatabaseExists(const std::string& database, std::stop_token stop);
  Catalog& OpenCatalog();
  // What `ask` makes of the destination's catalogue; tried again on another connection where this
  // one is broken.
  template <typename Ask>
  auto AskCatalog(std::stop_token stop, Ask ask) {
    return RetryTransient(options_.retry, stop, options_.on_transient, [&] {
      try {
        return ask(OpenCatalog());
      } catch (const Error&) {
        catalog_.reset();
        throw;
      }
    });
  }

  Link& link_;
  LaneWriter& writer_;
  const ReplayTables& tables_;
  const LaneWriter::Options& options_;
  std::unique_ptr<Catalog> catalog_;
};

}  // namespace godwit
