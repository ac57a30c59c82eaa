// SPDX-License-Identifier: Apache-2.0
#include "pipeline/recheck.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/deadline.h"
#include "model/names.h"

namespace godwit {

namespace {

constexpr size_t kKeysPerRead = 200;

// A form of the key that is equal wherever any collation could hold two keys equal: ASCII case and
// trailing blanks are dropped. Empty: other text, which counts as equal to everything.
std::string Fold(const ComparePlan& plan, const KeyTuple& key) {
  KeyTuple folded = key;
  for (size_t i = 0; i < key.size(); ++i) {
    const TypeKind kind = plan.source_column(plan.key_cells[i]).type.kind;
    const LogicalType& type = plan.source_column(plan.key_cells[i]).type;
    if (!type.is_text() && kind != TypeKind::kEnum && kind != TypeKind::kSet) continue;
    std::string& cell = folded[i];
    while (!cell.empty() && cell.back() == ' ') cell.pop_back();
    for (char& c : cell) {
      if (static_cast<unsigned char>(c) >= 0x80 || static_cast<unsigned char>(c) < 0x20) return {};
      c = FoldAscii(c);
    }
  }
  return EncodeKey(folded);
}

// Which suspects the Log's changes of one span may have touched.
class Touched {
 public:
  Touched(const ComparePlan& plan, const std::vector<KeyTuple>& suspects) : plan_(plan) {
    for (const KeyTuple& key : suspects) watched_.insert(Fold(plan, key));
  }

  void Look(const RowsChange& change) {
    std::vector<int> places;
    for (int cell : plan_.key_cells) {
      int place = change.table->FindColumn(plan_.source_column(cell).name);
      if (place < 0) {
        all_ = true;
        return;
      }
      places.push_back(place);
    }
    LookAt(change.before, places);
    LookAt(change.after, places);
  }
  void All() { all_ = true; }
  bool Has(const KeyTuple& key) const {
    std::string folded = Fold(plan_, key);
    return all_ || (folded.empty() ? any_ : touched_.count(folded) > 0);
  }

 private:
  void LookAt(const RowBatch& rows, const std::vector<int>& places) {
    if (rows.rows() > 0) any_ = true;
    KeyTuple key(places.size());
    std::string scratch;
    for (size_t row = 0; row < rows.rows() && !all_; ++row) {
      for (size_t i = 0; i < places.size(); ++i) {
        key[i].assign(plan_.KeyCell(plan_.key_cells[i], rows.cell(row, places[i]), scratch));
        if (rows.is_absent(row, places[i])) all_ = true;
      }
      std::string folded = Fold(plan_, key);
      if (folded.empty()) all_ = true;
      if (watched_.count(folded) > 0) touched_.insert(std::move(folded));
    }
  }

  const ComparePlan& plan_;
  std::unordered_set<std::string> watched_;
  std::unordered_set<std::string> touched_;
  bool any_ = false;
  bool all_ = false;
};

}  // namespace

// The rows of the asked keys, by key. A text key may bring rows whose key is only equal to it under
// a collation; they have a place of their own.
struct Rechecker::Rows {
  struct Side {
    RowBatch rows = RowBatch();
    std::unordered_map<std::string, std::vector<size_t>> by_key;

    const std::vector<size_t>& Find(const std::string& key) const {
      static const std::vector<size_t> kNone;
      auto found = by_key.find(key);
      return found == by_key.end() ? kNone : found->second;
    }
  };
  Side source;
  Side destination;
  uint64_t bytes = 0;
};

namespace {

RowBatch OneRow(const RowBatch& rows, size_t row) {
  RowBatch out(rows.columns());
  out.AddRow(rows, row);
  return out;
}

template <typename Side>
void TakeIn(const ComparePlan& plan, const RowBatch& rows, Side& side) {
  const size_t known_rows = side.rows.rows();
  for (size_t row = 0; row < rows.rows(); ++row) {
    auto& places = side.by_key[EncodeKey(plan.KeyOf(rows, row))];
    // Two reads may bring the same row, asked for by two keys that a collation holds equal.
    bool is_known = std::any_of(places.begin(), places.end(), [&](size_t known) {
      if (known >= known_rows) return false;
      for (size_t cell = 0; cell < rows.columns(); ++cell) {
        if (rows.state(row, cell) != side.rows.state(known, cell)) return false;
        if (rows.cell(row, cell) != side.rows.cell(known, cell)) return false;
      }
      return true;
    });
    if (is_known) continue;
    places.push_back(side.rows.rows());
    side.rows.AddRow(rows, row);
  }
}

template <typename Rows>
void Compare(const ComparePlan& plan, const KeyTuple& key, const Rows& rows,
             std::vector<Difference>& out) {
  const std::string encoded = EncodeKey(key);
  const auto& s = rows.source.Find(encoded);
  const auto& d = rows.destination.Find(encoded);
  for (size_t i = 0; i < std::max(s.size(), d.size()); ++i) {
    Difference difference{.key = key};
    if (i < s.size()) difference.source = OneRow(rows.source.rows, s[i]);
    if (i < d.size()) difference.destination = OneRow(rows.destination.rows, d[i]);
    if (i >= d.size()) {
      difference.kind = Difference::Kind::kOnlySource;
    } else if (i >= s.size()) {
      difference.kind = Difference::Kind::kOnlyDestination;
    } else {
      for (size_t cell = 0; cell < plan.destination.columns.size(); ++cell) {
        if (!plan.CellsEqual(rows.source.rows, s[i], rows.destination.rows, d[i], cell)) {
          difference.cells.push_back(static_cast<int>(cell));
        }
      }
      if (difference.cells.empty()) continue;
    }
    out.push_back(std::move(difference));
  }
}

}  // namespace

Rechecker::Rows Rechecker::Read(const ComparePlan& plan, const std::vector<KeyTuple>& keys,
                                std::stop_token stop) {
  const size_t columns = plan.destination.columns.size();
  Rows out;
  auto read = [&](RowReader& reader, const ScanPlan& scan, Rows::Side& side,
                  std::stop_token token) {
    side = {};
    side.rows.Reset(columns);
    RowBatch batch(scan.columns.size());
    RowBatch scratch;
    for (size_t i = 0; i < keys.size(); i += kKeysPerRead) {
      if (token.stop_requested()) throw Stopped();
      std::vector<KeyTuple> some(keys.begin() + i,
                                 keys.begin() + std::min(i + kKeysPerRead, keys.size()));
      batch.Reset(scan.columns.size());
      reader.ReadKeys(scan, some, batch);
      TakeIn(plan, &scan == &plan.source ? plan.Mapped(batch, scratch) : batch, side);
    }
  };
  auto source = [&](RowReader& reader, std::stop_token token) {
    read(reader, plan.source, out.source, token);
  };
  auto destination = [&](RowReader& reader, std::stop_token token) {
    read(reader, plan.destination, out.destination, token);
  };
  pair_.Source(source, stop);
  if (watch_ != nullptr) watch_->CatchUp(stop);
  pair_.Destination(destination, stop);
  out.bytes = out.source.rows.bytes() + out.destination.rows.bytes();
  return out;
}

Rechecker::Outcome Rechecker::Settle(const ComparePlan& plan, std::vector<Suspect> suspects,
                                     std::stop_token stop) {
  Outcome outcome;
  struct Pending {
    KeyTuple key;
    std::optional<Sequence> differs_since;  // the mark of the round that first found it untouched
  };
  std::vector<Pending> pending;
  for (const Suspect& suspect : suspects) pending.push_back({DecodeKey(suspect.key), {}});
  auto wait = options_.first_wait;
  Sequence needed = 0;  // under a mark below it a key that is left has been changed
  for (int round = 0; round < options_.rounds && !pending.empty(); ++round) {
    if (round > 0) {
      if (WaitForStop(stop, Deadline::In(wait))) throw Stopped();
      wait *= 2;
    }
    std::optional<Sequence> proved;
    if (watch_ != nullptr && round > 0) proved = watch_->Prove(needed, stop);
    const Sequence mark = proved ? *proved : watch_ != nullptr ? watch_->Last() : 0;
    std::vector<KeyTuple> keys;
    for (const Pending& p : pending) keys.push_back(p.key);
    Rows rows = Read(plan, keys, stop);
    outcome.bytes += rows.bytes;
    Touched touched(plan, keys);
    const Sequence last = watch_ != nullptr ? watch_->Last() : 0;
    if (watch_ != nullptr) {
      Sequence after = mark;
      for (const Pending& p : pending) after = std::min(after, p.differs_since.value_or(after));
      bool has_ddl = watch_->Visit(
          after, last, plan.name(), [&](const RowsChange& change) { touched.Look(change); }, stop);
      if (has_ddl) touched.All();
    }
    std::vector<Pending> left;
    for (Pending& p : pending) {
      std::vector<Difference> found;
      Compare(plan, p.key, rows, found);
      if (found.empty()) continue;
      const bool is_still = watch_ == nullptr || !touched.Has(p.key);
      if (is_still && (watch_ == nullptr || proved || p.differs_since)) {
        std::move(found.begin(), found.end(), std::back_inserter(outcome.differences));
        continue;
      }
      if (!is_still && proved) needed = last;
      left.push_back({std::move(p.key), is_still ? std::optional(mark) : std::nullopt});
    }
    pending = std::move(left);
  }
  for (Pending& p : pending) outcome.unsettled.push_back(std::move(p.key));
  return outcome;
}

}  // namespace godwit
