// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "pipeline/replay_transaction.h"

namespace godwit {

// A run of transactions taken apart: changes of one row folded together, and what is left cut into
// shares that can be applied in any order, each in its own destination transaction. One
// thread fills it; then any thread may visit.
//
// Folding joins a change into an earlier one of the same row, byte for byte the same key:
//   insert + update = insert      update + update = update      where the later one moves no unique
//   insert + delete = nothing     update + delete = delete      value
// The result stands in the earlier one's place. That is safe because the row holds its unique
// values from there to the later change, so that nothing in between can have touched them. A delete
// and a later insert are left apart, for other rows may have had its values meanwhile; but where
// its key is all that it could share, delete + insert = update.
//
// Cutting: changes that conflict are joined into components, which go whole into one share, in log
// order. Components lie table by table and near each other as their keys are; the shares are equal
// pieces of that row, so that each lane writes few, large statements and seldom two the same place
// of a table. What conflicts follows from the tables' definitions at the destination: those of
// another day may cut the same transactions otherwise.
class MergeWindow {
 public:
  explicit MergeWindow(uint32_t shares) : shares_(shares) {}

  void Add(std::unique_ptr<ReplayTransaction> transaction);
  void Cut();

  size_t transactions() const { return transactions_.size(); }
  size_t rows() const { return changes_.size(); }  // before folding
  size_t bytes() const { return bytes_; }
  uint32_t shares() const { return shares_; }
  // Rows that are left of it after folding.
  size_t rows_of(uint32_t share) const { return order_[share].size(); }
  // A digest of which change is in which share: equal only for the same cut of the same changes.
  uint64_t cut() const { return cut_; }
  void Visit(uint32_t share, size_t max_rows, const RunVisitor& visit) const;

 private:
  // What the window has of one table of the destination.
  struct Table {
    uint32_t ordinal = 0;
    const ReplayTable* from = nullptr;
    ApplyMode mode = ApplyMode::kExact;
    bool is_mixed = false;   // up to the exit point and after it: log order keeps the modes apart
    bool is_shared = false;  // rows of other tables of the source go there too
  };
  struct Change {
    const ReplayTable* table = nullptr;
    ApplyMode mode = ApplyMode::kExact;
    RowChange row;
    const Table* at = nullptr;
    uint32_t share = 0;
    uint32_t rank = 0;  // of its component
    bool is_gone = false;
    std::unique_ptr<const RowBatch> merged;  // an after-image put together from several
  };
  void NoteTables();
  void Join();
  size_t Root(size_t i);
  void Unite(size_t a, size_t b);
  void Fold();
  bool IsRenewable(const Change& change) const;
  bool FoldInto(Change& earlier, const Change& later);
  bool Renew(Change& earlier, const Change& later);
  void MergeAfter(Change& earlier, const Change& later);
  std::vector<uint32_t> Components();
  void Assign();
  void NoteCut();
  void Order();

  const uint32_t shares_;
  std::vector<std::unique_ptr<ReplayTransaction>> transactions_;
  std::vector<Change> changes_;
  std::map<TableName, Table> tables_;
  std::vector<size_t> parents_;
  std::vector<std::vector<uint32_t>> order_;  // of each share, what is left, as it is to go
  size_t bytes_ = 0;
  uint64_t cut_ = 0;
};

}  // namespace godwit
