// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "endpoint/sink.h"

namespace godwit::mysql {

// What a sink knows of a WritePlan before any row: which statements can write its rows. Immutable.
struct WriteShape {
  explicit WriteShape(const WritePlan& plan);

  bool is_keyless = false;
  // Rows may be deleted and written anew: every column that can be written is in the plan.
  bool covers_table = false;
  // No unique index but the identity key, and no text in it that the sides compare differently: a
  // clash is always the row itself.
  bool has_one_key = false;
  // A unique index over expressions, prefixes or columns outside of the plan: what two rows share
  // in it cannot be told from their cells.
  bool is_serial = false;
};

// Changes of one table that one kind of statement applies, in any order among themselves.
struct ChangeGroup {
  enum class Form {
    kInsert,   // multi-row INSERT
    kDelete,   // multi-row DELETE by key
    kUpsert,   // multi-row INSERT … ON DUPLICATE KEY UPDATE of rows whose only key stays
    kReplace,  // multi-row DELETE of the old keys, then multi-row INSERT
    kUpdate,   // of updates that displace: UPDATE of each row, multi-row INSERT of those not there
    kEach,     // a statement for each row, in order
  };
  const WritePlan* plan = nullptr;
  Form form = Form::kInsert;
  std::vector<uint32_t> changes;  // indexes into the span
};

// Sorts changes into groups. Changes that share a value of any unique key, by old or new image,
// stay in order: the later one goes into a later group. Example: D1 I2 U3 D4 I1 of one table become
// {D1,D4} {I2} {U3} {I1}, since I1 shares its key with D1 and {I2} lies behind it, so it could even
// join {I2}: the latest group of its form that lies behind every group it shares a value with.
// Text compares by collation: ASCII is folded and cut of trailing blanks, any other text counts as
// equal to all. Not thread-safe; reused to keep its buffers.
class ChangeGrouper {
 public:
  // With live foreign keys parent and child changes keep their order: nothing is regrouped.
  std::vector<ChangeGroup> Group(std::span<const RowChange> changes, ApplyMode mode,
                                 ForeignKeys foreign_keys);

 private:
  // Which groups touched one unique key's values last; -1: none.
  struct KeyTrace {
    std::unordered_map<uint64_t, int> by_value;
    int by_unknown = -1;  // values whose equality is not known
    int by_any = -1;
  };
  struct TableTrace {
    explicit TableTrace(const WritePlan& plan)
        : plan(&plan), shape(plan), keys(plan.unique_keys.size() + 1) {}
    const WritePlan* plan;
    WriteShape shape;
    std::vector<KeyTrace> keys;
    std::map<ChangeGroup::Form, int> latest;  // group of each form
    int last = -1;
  };

  ChangeGroup::Form FormOf(const RowChange& change, const WriteShape& shape, ApplyMode mode,
                           ForeignKeys foreign_keys) const;
  int LatestShared(TableTrace& trace, const RowChange& change);
  void Touch(TableTrace& trace, const RowChange& change, int group);

  std::vector<ChangeGroup> groups_;
  std::map<TableName, TableTrace> traces_;
};

}  // namespace godwit::mysql
