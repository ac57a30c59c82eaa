// SPDX-License-Identifier: Apache-2.0
#include "pipeline/merge_window.h"

#include <xxhash.h>

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "base/byte_writer.h"

namespace godwit {
namespace {

// The bytes of a row's key, for one table; empty where a cell of it is not known.
std::string KeyBytes(const ReplayTable* table, const RowBatch& rows, size_t row) {
  std::string out;
  for (int cell : table->plan->write().key) {
    const auto c = static_cast<size_t>(cell);
    if (!rows.has_value(row, c)) return "";
    AppendLengthPrefixed(out, rows.cell(row, c));
  }
  if (!out.empty()) AppendFixed(out, table);
  return out;
}

bool MovesUniqueValue(const RowChange& change) {
  if (change.op != ChangeOp::kUpdate) return true;
  for (const std::vector<int>& key : change.plan->unique_keys) {
    for (int cell : key) {
      const auto c = static_cast<size_t>(cell);
      if (change.after->is_absent(change.after_row, c)) continue;
      bool is_same =
          change.before->state(change.before_row, c) == change.after->state(change.after_row, c) &&
          change.before->cell(change.before_row, c) == change.after->cell(change.after_row, c);
      if (!is_same) return true;
    }
  }
  return false;
}

}  // namespace

void MergeWindow::Add(std::unique_ptr<ReplayTransaction> transaction) {
  for (const ReplayRows& rows : transaction->parts) {
    for (size_t i = 0; i < rows.change.ops.size(); ++i) {
      changes_.push_back({rows.table.get(),
                          rows.mode,
                          {.plan = &rows.table->plan->write(),
                           .op = rows.change.ops[i],
                           .before = &rows.change.before,
                           .before_row = i,
                           .after = &rows.change.after,
                           .after_row = i}});
    }
  }
  bytes_ += transaction->bytes;
  transactions_.push_back(std::move(transaction));
}

void MergeWindow::Cut() {
  Join();
  Assign();
  NoteCut();
  Fold();
  rows_of_.assign(shares_, 0);
  for (const Change& change : changes_) {
    if (!change.is_gone) ++rows_of_[change.share];
  }
}

size_t MergeWindow::Root(size_t i) {
  while (parents_[i] != i) i = parents_[i] = parents_[parents_[i]];
  return i;
}

// The earlier change is the root, so that components do not depend on hash order.
void MergeWindow::Unite(size_t a, size_t b) {
  a = Root(a);
  b = Root(b);
  if (a < b) parents_[b] = a;
  if (b < a) parents_[a] = b;
}

void MergeWindow::Join() {
  parents_.resize(changes_.size());
  std::iota(parents_.begin(), parents_.end(), size_t{0});
  std::unordered_map<uint64_t, size_t> first_with;
  std::unordered_map<uint64_t, size_t> exclusive;
  first_with.reserve(changes_.size() * 2);
  ConflictKeys keys;
  std::string scratch;
  size_t i = 0;
  for (const auto& transaction : transactions_) {
    for (const ReplayRows& rows : transaction->parts) {
      for (size_t row = 0; row < rows.change.ops.size(); ++row, ++i) {
        keys.Clear();
        rows.table->conflicts->AppendRow(rows.change, row, scratch, keys);
        for (uint64_t value : keys.values) Unite(i, first_with.emplace(value, i).first->second);
        for (uint64_t group : keys.exclusive) exclusive.emplace(group, i);
      }
    }
  }
  if (exclusive.empty()) return;
  std::map<const ReplayTable*, std::vector<uint64_t>> groups;
  for (i = 0; i < changes_.size(); ++i) {
    auto [known, is_new] = groups.try_emplace(changes_[i].table);
    if (is_new) changes_[i].table->conflicts->AppendShared(known->second);
    for (uint64_t group : known->second) {
      auto found = exclusive.find(group);
      if (found != exclusive.end()) Unite(i, found->second);
    }
  }
}

void MergeWindow::Assign() {
  std::vector<size_t> size(changes_.size(), 0);
  for (size_t i = 0; i < changes_.size(); ++i) ++size[Root(i)];
  std::vector<size_t> load(shares_, 0);
  for (size_t i = 0; i < changes_.size(); ++i) {
    const size_t root = Root(i);
    if (root != i) {
      changes_[i].share = changes_[root].share;  // the root comes first
      continue;
    }
    auto least = std::min_element(load.begin(), load.end());
    *least += size[i];
    changes_[i].share = static_cast<uint32_t>(least - load.begin());
  }
}

void MergeWindow::NoteCut() {
  std::string bytes;
  const ReplayTable* table = nullptr;
  for (const Change& change : changes_) {
    if (change.table != table) {
      AppendLengthPrefixed(bytes, change.table->plan->write().table->name.ToString());
    }
    table = change.table;
    AppendFixed(bytes, change.row.op);
    AppendFixed(bytes, change.share);
  }
  cut_ = XXH3_64bits(bytes.data(), bytes.size());
}

void MergeWindow::Fold() {
  std::unordered_map<std::string, size_t> last;  // change of each key, to fold into
  for (size_t i = 0; i < changes_.size(); ++i) {
    Change& change = changes_[i];
    const RowChange& row = change.row;
    if (change.table->conflicts->is_serial()) continue;
    std::string before =
        row.op == ChangeOp::kInsert ? "" : KeyBytes(change.table, *row.before, row.before_row);
    auto earlier = before.empty() ? last.end() : last.find(before);
    if (earlier != last.end() && FoldInto(changes_[earlier->second], change)) {
      change.is_gone = true;
      if (changes_[earlier->second].is_gone || row.op == ChangeOp::kDelete) last.erase(earlier);
      continue;
    }
    if (earlier != last.end()) last.erase(earlier);
    if (row.op == ChangeOp::kDelete) continue;
    // An update may leave its key's cells out of the after-image: they stayed.
    std::string after = KeyBytes(change.table, *row.after, row.after_row);
    if (after.empty() && row.op == ChangeOp::kUpdate && !MovesUniqueValue(row)) after = before;
    if (!after.empty()) last[after] = i;
  }
}

bool MergeWindow::FoldInto(Change& earlier, const Change& later) {
  if (earlier.mode != later.mode || earlier.table != later.table) return false;
  if (later.row.op == ChangeOp::kDelete) {
    if (earlier.row.op == ChangeOp::kInsert) {
      // Up to the exit point an insert displaces others: it has to happen.
      if (earlier.mode == ApplyMode::kDisplace) return false;
      earlier.is_gone = true;
    } else {
      if (earlier.mode == ApplyMode::kDisplace) return false;
      earlier.row.op = ChangeOp::kDelete;
    }
    return true;
  }
  if (MovesUniqueValue(later.row)) return false;
  MergeAfter(earlier, later);
  return true;
}

// The later image, completed from the earlier one where it leaves cells out.
void MergeWindow::MergeAfter(Change& earlier, const Change& later) {
  const RowBatch& newer = *later.row.after;
  const size_t row = later.row.after_row;
  bool is_whole = true;
  for (size_t c = 0; c < newer.columns(); ++c) is_whole = is_whole && !newer.is_absent(row, c);
  if (is_whole) {
    earlier.row.after = &newer;
    earlier.row.after_row = row;
    return;
  }
  auto& batch = merged_[earlier.table];
  if (!batch) batch = std::make_unique<RowBatch>(newer.columns());
  // The earlier image may lie in the batch that grows.
  RowBatch image(newer.columns());
  for (size_t c = 0; c < newer.columns(); ++c) {
    bool is_older = newer.is_absent(row, c);
    image.AddCellOf(is_older ? *earlier.row.after : newer, is_older ? earlier.row.after_row : row,
                    c);
  }
  batch->AddRow(image, 0);
  earlier.row.after = batch.get();
  earlier.row.after_row = batch->rows() - 1;
}

void MergeWindow::Visit(uint32_t share, size_t max_rows, const RunVisitor& visit) const {
  std::vector<RowChange> run;
  ApplyMode mode = ApplyMode::kExact;
  auto flush = [&] {
    if (!run.empty()) visit({run, mode});
    run.clear();
  };
  for (const Change& change : changes_) {
    if (change.share != share || change.is_gone) continue;
    if (change.mode != mode || run.size() >= max_rows) flush();
    mode = change.mode;
    run.push_back(change.row);
  }
  flush();
}

}  // namespace godwit
