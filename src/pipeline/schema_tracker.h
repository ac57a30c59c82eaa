// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
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

  // Whether the change touches a table that is followed or will be.
  bool Concerns(const SchemaChange& change) const;
  // What the change makes of the definitions. They hold for the next Find; the caller stores them
  // with the DDL. Throws SCHEMA_UNKNOWN (kBlocked) where neither the text nor the source says what
  // the table looks like now.
  std::vector<SchemaVersion> Apply(const SchemaChange& change);

  std::vector<TableName> tables() const;

 private:
  void TakeUp(const std::vector<SchemaVersion>& versions);
  void Put(const TableName& name, TableSchemaPtr table, std::vector<SchemaVersion>& out);
  TableSchemaPtr FromSource(const TableName& name);
  TableSchemaPtr Complete(TableSchema parsed, const TableName& name);

  Store& store_;
  Catalog* catalog_;
  const ObjectRules& rules_;
  std::map<TableName, Versioned> current_;
};

}  // namespace godwit
