// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/compare_plan.h"

namespace godwit {

struct RowHash {
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const RowHash&) const = default;
};

// Something that is not the same on both sides when looked at once.
struct Suspect {
  RowHash hash;
  std::string key;      // encoded; empty for a table without key
  int64_t surplus = 0;  // rows at the source less rows at the destination (without key)
  bool operator==(const Suspect&) const = default;
};

// Rows of one side as 128-bit hashes of key and row, over the null bitmap and length-prefixed
// normal forms. A few dozen bytes a row, whatever the row holds.
class HashedRows {
 public:
  struct Entry {
    RowHash key;  // of the whole row where there is no key
    RowHash row;
    uint64_t key_at = 0;
    uint32_t key_size = 0;
  };

  void Add(const ComparePlan& plan, const RowBatch& rows);
  void Add(const Entry& entry, std::string_view key);
  void Clear() {
    entries_.clear();
    keys_.clear();
  }
  size_t size() const { return entries_.size(); }
  const std::vector<Entry>& entries() const { return entries_; }
  std::string_view key(const Entry& entry) const {
    return std::string_view(keys_).substr(entry.key_at, entry.key_size);
  }
  // By key, then row.
  void Sort();

 private:
  std::vector<Entry> entries_;
  std::string keys_;
  std::string scratch_;
};

// Keys whose rows are not the same on both sides. Sorts both.
std::vector<Suspect> Match(HashedRows& source, HashedRows& destination);

// Rows too many to be held: spread by hash over files that vanish with the object, so that one part
// after another can be matched. `level` picks other bits of the hash when a part is split again.
class HashSpill {
 public:
  HashSpill(const std::string& directory, uint32_t parts, int level);

  void Add(const HashedRows& rows);
  uint64_t rows(uint32_t part) const { return rows_[part]; }
  uint32_t parts() const { return static_cast<uint32_t>(files_.size()); }
  // Hands the part's rows over in pieces; the spill is not added to any more.
  template <typename Take>
  void Read(uint32_t part, Take take) {
    Rewind(part);
    HashedRows piece;
    while (ReadPiece(part, piece)) {
      take(piece);
      piece.Clear();
    }
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void Rewind(uint32_t part);
  bool ReadPiece(uint32_t part, HashedRows& piece);
  void Write(uint32_t part, const void* bytes, size_t size);
  [[noreturn]] void Fail() const;

  const std::string directory_;
  const int level_;
  std::vector<std::unique_ptr<std::FILE, Close>> files_;
  std::vector<uint64_t> rows_;
};

}  // namespace godwit
