// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/table_plan.h"

namespace godwit {

// What a transaction's changes touch, as far as order matters. Two transactions conflict when they
// have a value in common, or when one is exclusive in a group that the other shares or is exclusive
// in. Equality is over-approximated, never under-approximated: a conflict too many costs a little
// waiting, one too few could swap two changes of one row.
struct ConflictKeys {
  std::vector<uint64_t> values;
  std::vector<uint64_t> shared;
  std::vector<uint64_t> exclusive;

  void Clear();
  // Sorts and drops duplicates.
  void Normalize();
};

// A foreign key that is live in the destination while the table's changes are applied, seen from
// one end of it.
struct LiveForeignKey {
  uint64_t id = 0;                   // the same seen from both ends
  std::vector<std::string> columns;  // of this table
  bool is_parent_side = false;
};

// How one table's changes conflict; made once per TablePlan. Immutable; any thread.
//
// Every unique index of the destination gives a group and, for each old and new image, a value: the
// hash of its parts. Texts compare by their digits and the set of their letters, as collations fold
// case, widen letters and ignore punctuation; a text with anything but printable ASCII may equal
// any other, so it is exclusive in the index's group. A NULL part clashes with nothing. Tables
// without a key, and those with a unique index over an expression, a prefix or a column that is not
// carried, have one value for the whole table.
class ConflictPlan {
 public:
  // `component`: of tables joined by live foreign keys, 0 if none. All its changes share that
  // group; those that may cascade are exclusive in it.
  ConflictPlan(const TablePlan& plan, uint64_t component,
               const std::vector<LiveForeignKey>& foreign_keys);

  void Append(const MappedChange& change, ConflictKeys& out) const;
  // The same for one row; the groups that all rows share, apart.
  void AppendRow(const MappedChange& change, size_t row, std::string& scratch,
                 ConflictKeys& out) const;
  void AppendShared(std::vector<uint64_t>& out) const;

  bool is_serial() const { return is_serial_; }
  // Whether a row that is deleted and inserted anew may as well be updated: its key is the only
  // thing that another row could have taken meanwhile, is the same row's only where its bytes are
  // the same, and no column of the destination lies outside of the plan.
  bool is_renewable() const { return is_renewable_; }

 private:
  enum class Fold : uint8_t { kBytes, kFloat, kText, kBinaryText };
  struct Part {
    int cell = 0;
    Fold fold = Fold::kBytes;
  };
  struct Key {
    uint64_t seed = 0;
    uint64_t group = 0;
    std::vector<Part> parts;
  };
  struct ForeignKey {
    Key key;
    bool is_parent_side = false;
    bool is_known = false;  // false: a column of it is not carried
  };
  enum class Outcome { kValue, kNull, kAny };

  Part MakePart(const TablePlan& plan, int cell);
  bool HasOneKeyOfBytes(const WritePlan& write) const;
  Outcome Hash(const Key& key, const RowBatch& rows, const RowBatch* older, size_t row,
               std::string& scratch, uint64_t& value) const;
  void AppendKey(const Key& key, const MappedChange& change, size_t row, std::string& scratch,
                 ConflictKeys& out) const;
  bool MayCascade(const ForeignKey& key, const MappedChange& change, size_t row) const;

  uint64_t table_ = 0;
  uint64_t component_ = 0;
  bool is_serial_ = false;
  bool is_renewable_ = false;
  std::vector<Key> keys_;
  std::vector<ForeignKey> foreign_keys_;
};

}  // namespace godwit
