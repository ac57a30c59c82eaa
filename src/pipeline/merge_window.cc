// SPDX-License-Identifier: Apache-2.0
#include "pipeline/merge_window.h"

#include <xxhash.h>

#include <algorithm>
#include <compare>
#include <numeric>

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

bool IsWhole(const RowBatch& rows, size_t row) {
  for (size_t c = 0; c < rows.columns(); ++c) {
    if (rows.is_absent(row, c)) return false;
  }
  return true;
}

// The image that a row has before its first change here, or has by it.
std::string_view KeyCell(const RowChange& change, int cell) {
  const bool is_new = change.op == ChangeOp::kInsert;
  return (is_new ? change.after : change.before)
      ->cell(is_new ? change.after_row : change.before_row, static_cast<size_t>(cell));
}

// A number that is close for keys whose first cells are close, where they are numbers of up to
// seven digits; for the rest any, in the order of CompareKeys.
uint64_t Nearness(const RowChange& change) {
  if (change.plan->key.empty()) return 0;
  const std::string_view cell = KeyCell(change, change.plan->key[0]);
  uint64_t number = std::min<size_t>(cell.size(), 0xff);
  for (size_t i = 0; i < 7; ++i) {
    number = number << 8 | (i < cell.size() ? static_cast<unsigned char>(cell[i]) : 0);
  }
  return number;
}

// Numbers without a sign in their order; anything else in any.
std::strong_ordering CompareKeys(const RowChange& a, const RowChange& b) {
  for (int cell : a.plan->key) {
    const std::string_view left = KeyCell(a, cell);
    const std::string_view right = KeyCell(b, cell);
    auto order = left.size() <=> right.size();
    if (order == 0) order = left <=> right;
    if (order != 0) return order;
  }
  return std::strong_ordering::equal;
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
  transaction->keys = {};  // of the transaction as a whole; here each change has its own
  transactions_.push_back(std::move(transaction));
}

void MergeWindow::Cut() {
  NoteTables();
  Join();
  Fold();
  Assign();
  NoteCut();
  Order();
}

void MergeWindow::NoteTables() {
  std::map<const ReplayTable*, Table*> known;
  for (Change& change : changes_) {
    Table*& table = known[change.table];
    if (table == nullptr) {
      const auto ordinal = static_cast<uint32_t>(tables_.size());
      const TableName& name = change.table->plan->write().table->name;
      table = &tables_
                   .try_emplace(
                       name, Table{.ordinal = ordinal, .from = change.table, .mode = change.mode})
                   .first->second;
      table->is_shared = table->is_shared || table->from != change.table;
    }
    table->is_mixed = table->is_mixed || table->mode != change.mode;
    change.at = table;
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

// Components by table and by nearness of their keys: what the destination finds in one place is
// written together, and by one lane.
std::vector<uint32_t> MergeWindow::Components() {
  struct Place {
    uint32_t table;
    bool is_mixed;
    uint64_t nearness;
    uint32_t root;
  };
  std::vector<Place> places;
  for (size_t i = 0; i < changes_.size(); ++i) {
    if (Root(i) != i) continue;
    const Table& table = *changes_[i].at;
    places.push_back({table.ordinal, table.is_mixed, table.is_mixed ? 0 : Nearness(changes_[i].row),
                      static_cast<uint32_t>(i)});
  }
  std::sort(places.begin(), places.end(), [&](const Place& a, const Place& b) {
    if (a.table != b.table) return a.table < b.table;
    if (a.nearness != b.nearness) return a.nearness < b.nearness;
    auto order = std::strong_ordering::equal;
    if (!a.is_mixed) order = CompareKeys(changes_[a.root].row, changes_[b.root].row);
    return order != 0 ? order < 0 : a.root < b.root;
  });
  std::vector<uint32_t> roots;
  roots.reserve(places.size());
  for (const Place& place : places) roots.push_back(place.root);
  return roots;
}

// By what is left after folding; a component lies where its middle does.
void MergeWindow::Assign() {
  std::vector<size_t> size(changes_.size(), 0);
  size_t total = 0;
  for (size_t i = 0; i < changes_.size(); ++i) {
    if (changes_[i].is_gone) continue;
    ++size[Root(i)];
    ++total;
  }
  size_t before = 0;
  uint32_t rank = 0;
  for (uint32_t root : Components()) {
    const size_t middle = 2 * before + size[root];
    if (total != 0) {
      const size_t share = middle * shares_ / (2 * total);
      changes_[root].share = static_cast<uint32_t>(std::min<size_t>(share, shares_ - 1));
    }
    changes_[root].rank = rank++;
    before += size[root];
  }
  for (size_t i = 0; i < changes_.size(); ++i) {
    const Change& root = changes_[Root(i)];
    changes_[i].share = root.share;
    changes_[i].rank = root.rank;
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
    AppendFixed(bytes, change.is_gone);
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
    const bool is_renewable = IsRenewable(change);
    const std::string key = row.op == ChangeOp::kInsert
                                ? KeyBytes(change.table, *row.after, row.after_row)
                                : KeyBytes(change.table, *row.before, row.before_row);
    auto earlier = key.empty() ? last.end() : last.find(key);
    if (earlier != last.end() && FoldInto(changes_[earlier->second], change)) {
      change.is_gone = true;
      const Change& folded = changes_[earlier->second];
      const bool is_over = folded.is_gone || (row.op == ChangeOp::kDelete && !is_renewable);
      if (is_over) last.erase(earlier);
      continue;
    }
    if (earlier != last.end()) last.erase(earlier);
    std::string next_key = key;
    if (row.op == ChangeOp::kUpdate) {
      next_key = KeyBytes(change.table, *row.after, row.after_row);
      // An update may leave its key's cells out of the after-image: they stayed.
      if (next_key.empty() && !MovesUniqueValue(row)) next_key = key;
    }
    // An insert that leaves its key to a default may take one that was given up.
    if (is_renewable && (key.empty() || next_key.empty())) last.clear();
    const bool is_to_fold_into = row.op != ChangeOp::kDelete || is_renewable;
    if (is_to_fold_into && !next_key.empty()) last[next_key] = i;
  }
}

bool MergeWindow::IsRenewable(const Change& change) const {
  return change.table->conflicts->is_renewable() && !change.at->is_shared;
}

bool MergeWindow::FoldInto(Change& earlier, const Change& later) {
  if (earlier.mode != later.mode || earlier.table != later.table) return false;
  if (earlier.row.op == ChangeOp::kDelete) return Renew(earlier, later);
  if (later.row.op == ChangeOp::kInsert) return false;
  if (later.row.op == ChangeOp::kDelete) {
    // Up to the exit point a change displaces others: it has to happen.
    if (earlier.mode == ApplyMode::kDisplace) return false;
    if (earlier.row.op == ChangeOp::kInsert) {
      earlier.is_gone = true;
    } else {
      earlier.row.op = ChangeOp::kDelete;
    }
    return true;
  }
  if (MovesUniqueValue(later.row)) return false;
  MergeAfter(earlier, later);
  return true;
}

// The deleted row comes back under its key, which no other has had since.
bool MergeWindow::Renew(Change& earlier, const Change& later) {
  const RowChange& row = later.row;
  if (row.op != ChangeOp::kInsert || earlier.mode != ApplyMode::kExact) return false;
  if (!IsWhole(*row.after, row.after_row)) return false;
  earlier.row.op = ChangeOp::kUpdate;
  MergeAfter(earlier, later);
  return true;
}

// The later image, completed from the earlier one where it leaves cells out.
void MergeWindow::MergeAfter(Change& earlier, const Change& later) {
  const RowBatch& newer = *later.row.after;
  const size_t row = later.row.after_row;
  if (IsWhole(newer, row)) {
    earlier.row.after = &newer;
    earlier.row.after_row = row;
    earlier.merged.reset();
    return;
  }
  auto image = std::make_unique<RowBatch>(newer.columns());
  for (size_t c = 0; c < newer.columns(); ++c) {
    bool is_older = newer.is_absent(row, c);
    image->AddCellOf(is_older ? *earlier.row.after : newer, is_older ? earlier.row.after_row : row,
                     c);
  }
  earlier.row.after = image.get();
  earlier.row.after_row = 0;
  earlier.merged = std::move(image);  // the one before goes only now
}

void MergeWindow::Order() {
  order_.assign(shares_, {});
  for (size_t i = 0; i < changes_.size(); ++i) {
    if (!changes_[i].is_gone) order_[changes_[i].share].push_back(static_cast<uint32_t>(i));
  }
  for (std::vector<uint32_t>& share : order_) {
    std::stable_sort(share.begin(), share.end(),
                     [&](uint32_t a, uint32_t b) { return changes_[a].rank < changes_[b].rank; });
  }
}

void MergeWindow::Visit(uint32_t share, size_t max_rows, const RunVisitor& visit) const {
  std::vector<RowChange> run;
  ApplyMode mode = ApplyMode::kExact;
  auto flush = [&] {
    if (!run.empty()) visit({run, mode});
    run.clear();
  };
  for (uint32_t i : order_[share]) {
    const Change& change = changes_[i];
    if (change.mode != mode || run.size() >= max_rows) flush();
    mode = change.mode;
    run.push_back(change.row);
  }
  flush();
}

}  // namespace godwit
