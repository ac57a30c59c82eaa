// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"

namespace godwit {

// An open transaction: its counts, and those of its parts that are not in the database yet.
class Spool {
 public:
  struct Counts {
    uint64_t parts = 0;
    uint64_t rows = 0;
    uint64_t bytes = 0;
    std::vector<TableChanges> changes;  // by definition

    void Add(const RowsChange& change);
  };

  const Counts& counts() const { return counts_; }

  // A part is appended to buffer(), then ended.
  std::string& buffer() { return pending_; }
  // `rows`: what the part holds; null of a statement.
  void EndPart(const RowsChange* rows) {
    counts_.bytes += pending_.size() - (ends_.empty() ? 0 : ends_.back());
    if (rows != nullptr) counts_.Add(*rows);
    ++counts_.parts;
    ends_.push_back(pending_.size());
  }

  uint64_t Mark() {
    marks_.emplace_hint(marks_.end(), next_mark_, counts_);
    return next_mark_++;
  }
  // Does nothing where a rollback has undone it.
  void Unmark(uint64_t mark) { marks_.erase(mark); }
  // Takes the counts back; returns how many parts the database then holds too many.
  uint64_t RollbackTo(uint64_t mark);

  size_t pending_bytes() const { return pending_.size(); }
  // Calls put(part, value) for every part that the database lacks, and counts on them being there.
  template <typename Put>
  void Spill(Put put) {
    size_t begin = 0;
    was_spilled_ = was_spilled_ || !ends_.empty();
    for (size_t end : ends_) {
      put(spilled_++, std::string_view(pending_).substr(begin, end - begin));
      begin = end;
    }
    ends_.clear();
    pending_.clear();
    if (pending_.capacity() > kKeptBuffer) pending_.shrink_to_fit();
  }
  uint64_t spilled() const { return spilled_; }
  // Also where a rollback has taken all of that back.
  bool was_spilled() const { return was_spilled_; }

 private:
  static constexpr size_t kKeptBuffer = 1 << 20;

  Counts counts_;
  std::map<uint64_t, Counts> marks_;  // in the order in which they were set
  uint64_t next_mark_ = 0;
  uint64_t spilled_ = 0;  // parts in the database
  bool was_spilled_ = false;
  std::string pending_;
  std::vector<size_t> ends_;
};

}  // namespace godwit
