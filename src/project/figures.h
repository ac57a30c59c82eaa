// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "endpoint/catalog.h"
#include "metadata/metadata.h"
#include "model/object_rules.h"
#include "store/store.h"

namespace godwit {

// What all runs of a project have copied, as the journal says.
struct CopiedFigures {
  uint64_t tables = 0;  // wholly
  uint64_t rows = 0;
};
CopiedFigures CopiedSoFar(Metadata& metadata, int64_t project);

// Row changes of one table by kind.
struct ChangeCounts {
  uint64_t inserts = 0;
  uint64_t updates = 0;
  uint64_t deletes = 0;

  uint64_t all() const { return inserts + updates + deletes; }
  bool operator==(const ChangeCounts&) const = default;
};

// How many of the source's row changes are in the destination, over all runs of a project, in all
// and by table of the source. Counted in the Log up to what is applied, so that a crash neither
// loses any nor counts any twice. One at a time in a process.
class ChangeTally {
 public:
  ChangeTally(Metadata& metadata, int64_t project);

  uint64_t count() const { return count_; }
  const std::map<TableName, ChangeCounts>& tables() const { return tables_; }
  // Counts what was applied since; durable on return.
  uint64_t CountOn(Store& store, Sequence applied);
  // The Log begins anew.
  void Reset();

 private:
  void Put();

  Metadata& metadata_;
  const int64_t project_;
  Sequence through_ = 0;
  uint64_t count_ = 0;
  std::map<TableName, ChangeCounts> tables_;
};

// The selected tables of a source that these names or patterns mean. Throws TABLE_NOT_SELECTED.
std::set<TableName> ChosenTables(Catalog& source, const ObjectRules& rules,
                                 const std::vector<std::string>& patterns);

}  // namespace godwit
