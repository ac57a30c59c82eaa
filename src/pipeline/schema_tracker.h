// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "endpoint/catalog.h"
#include "endpoint/change_reader.h"
#include "model/object_rules.h"
#include "model/schema_change.h"
#include "store/store.h"

namespace godwit {

// The source's table definitions at the capturer's place in the log, for the selected tables. Kept
// in the Store; moved on by every DDL. Belongs to the capturer's thread. Does not own what it is
// given.
//
// The log may be read long after it was written, so what the source says of a table then is never
// taken for its columns: a table whose definition the log does not tell is kept as one without
// columns, and whoever meets rows of it stops. What a table leaves to its database's defaults is
// found in the same way: they are read at the beginning and followed from there.
class SchemaTracker : public SchemaHistory {
 public:
  SchemaTracker(Store& store, Catalog& catalog, const ObjectRules& rules);

  // From now on the source is asked through this one, whose connection may be newer.
  void Use(Catalog& catalog) { catalog_ = &catalog; }
  // Takes up what the Store knows.
  void Load();
  // Goes back to how things were before this version.
  void LoadBefore(uint64_t version);
  // Reads every selected table from the source and stores it as the beginning of the history.
  void ReadAll();

  std::optional<Versioned> Find(const TableName& name) override;
  // Asks the source whether there is such a table; a sequence, which has rows in the log too, is
  // none.
  bool IsSelected(const TableName& name) override;
  TextDefaults DefaultsOf(const std::string& database) override;

  // Whether the change touches a table that is followed or will be.
  bool Concerns(const SchemaChange& change) const;
  // Before a change is stored or applied: fills in what it leaves to its database or to the table
  // that it is made like, and the tables of a dropped database, as far as the definitions here
  // tell. It becomes kUnknown where nobody can. False: the source has logged a statement that did
  // nothing there (IF EXISTS, IF NOT EXISTS), which must not do something elsewhere.
  bool Complete(SchemaChange& change);
  // What the change makes of the definitions. They hold for the next Find; the caller stores them
  // with the DDL.
  std::vector<SchemaVersion> Apply(const SchemaChange& change);

  std::vector<TableName> tables() const;

 private:
  using Versions = std::vector<SchemaVersion>;

  void TakeUp(const Versions& versions);
  void Put(const TableName& name, TableSchemaPtr table, Versions& out);
  void PutUnknown(const TableName& name, Versions& out);
  void PutDefaults(const std::string& database, const TextDefaults& defaults, Versions& out);
  void ForgetDefaults(const std::string& database, Versions& out);
  void CheckFilter(SchemaChange& change);
  bool LeaveOutIdle(SchemaChange& change) const;
  void CompletePattern(SchemaChange& change);
  void CompleteCharset(SchemaChange& change);
  bool LooksAsBefore(const TableName& name);
  void PutAsItsPattern(const SchemaChange& change, Versions& out);
  void PutUnlessOther(const TableName& name, Versions& out);
  void Create(const SchemaChange& change, Versions& out);
  void Rename(const TableName& from, const TableName& to, Versions& out);
  void Alter(const SchemaChange& change, Versions& out);
  void LetKeysFollow(const TableName& from, const TableName& to,
                     const std::vector<AlterAction>& actions, Versions& out);
  void NoteUnknown(const SchemaChange& change, Versions& out);
  void NoteDefaults(const SchemaChange& change, Versions& out);
  void DropDatabase(const std::string& database, Versions& out);
  TableSchemaPtr FromSource(const TableName& name);
  TableSchemaPtr AsItIsNow(const TableName& name);
  TableSchemaPtr Confirmed(TableSchema known);
  bool MayHaveHad(const TableSchema& made, const TextDefaults& defaults);
  std::optional<CatalogObject::Kind> KindNow(const TableName& name);

  Store& store_;
  Catalog* catalog_;
  const ObjectRules& rules_;
  std::map<TableName, Versioned> current_;
  std::map<std::string, TextDefaults> defaults_;  // by database
  std::set<TableName> passed_over_;               // not to be followed, as far as Apply has come
};

}  // namespace godwit
