// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "endpoint/catalog.h"
#include "endpoint/dialect.h"
#include "model/object_rules.h"
#include "model/schema_change.h"
#include "model/table_schema.h"

namespace godwit {

// What the user should know about a conversion; never a reason to stop.
struct TranslationNote {
  std::string object;  // "db.table" or "db.table.column"
  std::string text;
  bool may_clash = false;  // a unique key's meaning may change
  bool loses = false;      // something that applications rely on is left out
};

struct TranslatedTable {
  TableSchema table;  // in the destination's terms and names
  std::vector<TranslationNote> notes;
};

struct TranslatedChange {
  std::vector<SchemaChange> changes;
  std::vector<TranslationNote> notes;
};

// The user's overlay on top of the built-in mapping, from the project file: collation (or charset)
// of the source → of the destination; "*" as a source stands for every one the destination lacks.
struct CharsetOverlay {
  std::map<std::string, std::string> collations;
};

// Turns definitions of the source into the destination's: names by the rules, character sets and
// collations the destination lacks by a table. Immutable; any thread. Does not own the dialects.
class Translator {
 public:
  // Where the source does not log what its foreign keys do to children, the destination's own do
  // it.
  enum class Cascades { kLogged, kUnlogged };

  Translator(const Dialect& source, const Dialect& destination, const ObjectRules& rules,
             CharsetOverlay overlay, Cascades cascades = Cascades::kLogged);

  // The table as it is to be at the destination. Throws TABLE_NOT_SELECTED (kBug).
  TranslatedTable Table(const TableSchema& table) const;
  // Of a catalogue's view, whose SELECT names every table's database.
  ViewSchema View(const ViewSchema& view) const { return MapView(view, view.name.database); }
  // What a source's database gives to its tables, for the destination's.
  TextDefaults Defaults(TextDefaults defaults) const {
    MapCharset(defaults.charset, defaults.collation);
    return defaults;
  }
  // The change in the destination's terms, split per destination table where one statement touched
  // several. Parts that concern unselected objects are left out; empty: nothing to do there.
  // Throws DDL_NOT_CONVERTIBLE (kBlocked), also for a rename that leaves the selection.
  TranslatedChange Change(const SchemaChange& change) const;

  // "" when the destination has it or nothing fits.
  std::string MapCollation(const std::string& charset, const std::string& collation) const;
  const ObjectRules& rules() const { return rules_; }

 private:
  void MapColumn(ColumnSchema& column, const TableMapping& mapping,
                 std::vector<TranslationNote>& notes, const TableName& source) const;
  void LeaveOutOnUpdate(TranslatedTable& out, const TableSchema& source) const;
  void CheckCascades(const SchemaChange& change, std::span<const ColumnSchema> columns,
                     const ForeignKeySchema& key) const;
  void LeaveOut(TranslatedTable& out, const TableSchema& source, const TableMapping& mapping) const;
  void NoteClashes(TranslatedTable& out, const TableSchema& source,
                   const TableMapping& mapping) const;
  void MapExpressions(TableSchema& table, const TableMapping& mapping) const;
  void MapPartitioning(Partitioning& partitioning, const TableMapping& mapping,
                       const TableName& table) const;
  void MapColumnExpressions(ColumnSchema& column, const TableMapping& mapping,
                            const TableName& table) const;
  TableSchema Adapted(const TableSchema& table, const TableName& source,
                      std::vector<TranslationNote>& notes) const;
  TranslatedChange MapAlter(const SchemaChange& change) const;
  std::vector<SchemaChange> MapRenames(const SchemaChange& change) const;
  std::vector<SchemaChange> MapDropDatabase(const SchemaChange& change) const;
  bool CarriesWhole(const std::string& database) const;
  void MapCharset(std::string& charset, std::string& collation) const;
  AlterAction MapAction(AlterAction action, const TableMapping& mapping, const TableName& source,
                        std::vector<TranslationNote>& notes) const;
  ViewSchema MapView(const ViewSchema& view, std::string_view default_database) const;
  TranslatedChange MapCreate(const SchemaChange& change) const;
  std::vector<SchemaChange> MapRename(const SchemaChange& change, const TableName& from,
                                      const TableName& to) const;

  const Dialect& source_;
  const Dialect& destination_;
  const ObjectRules& rules_;
  CharsetOverlay overlay_;
  const Cascades cascades_;
};

}  // namespace godwit
