// SPDX-License-Identifier: Apache-2.0
#include "pipeline/compare_rows.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <tuple>

#include "base/byte_writer.h"
#include "base/error.h"

namespace godwit {

namespace {

constexpr size_t kPieceRows = 10'000;

RowHash Hash(std::string_view bytes) {
  XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

// The hash of what is added. Small values are gathered first, which is quickest; large ones are not
// copied.
class Hasher {
 public:
  // `scratch` is the caller's, for its memory.
  explicit Hasher(std::string& scratch) : gathered_(scratch) { gathered_.clear(); }

  void Add(std::string_view value) {
    AppendVarint(gathered_, value.size());
    if (value.size() < kGathered) {
      gathered_.append(value);
      return;
    }
    Pass(gathered_);
    gathered_.clear();
    Pass(value);
  }
  void AddByte(char byte) { gathered_.push_back(byte); }
  RowHash Get() {
    if (!state_) return Hash(gathered_);
    Pass(gathered_);
    XXH128_hash_t hash = XXH3_128bits_digest(state_.get());
    return {hash.high64, hash.low64};
  }

 private:
  static constexpr size_t kGathered = 64 << 10;

  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };

  void Pass(std::string_view bytes) {
    if (!state_) {
      state_.reset(XXH3_createState());
      GODWIT_CHECK(state_ != nullptr, "there is memory for a hash");
      XXH3_128bits_reset(state_.get());
    }
    XXH3_128bits_update(state_.get(), bytes.data(), bytes.size());
  }

  std::string& gathered_;
  std::unique_ptr<XXH3_state_t, Free> state_;
};

// Absent cells cannot occur in rows that were read; they would count as a value of their own.
RowHash HashRow(const ComparePlan& plan, const RowBatch& rows, size_t row, std::string& scratch) {
  Hasher hasher(scratch);
  for (size_t cell = 0; cell < rows.columns(); ++cell) {
    hasher.AddByte(static_cast<char>(rows.state(row, cell)));
  }
  for (size_t cell = 0; cell < rows.columns(); ++cell) {
    if (!rows.has_value(row, cell)) continue;
    if (plan.normal[cell] == NormalCell::kBytes) {
      hasher.Add(rows.cell(row, cell));
    } else {
      hasher.Add(Normalized(plan.normal[cell], rows.cell(row, cell)));
    }
  }
  return hasher.Get();
}

}  // namespace

void HashedRows::Add(const ComparePlan& plan, const RowBatch& rows) {
  for (size_t row = 0; row < rows.rows(); ++row) {
    Entry entry;
    entry.row = HashRow(plan, rows, row, scratch_);
    entry.key = entry.row;
    entry.key_at = keys_.size();
    if (plan.has_key()) {
      for (int cell : plan.key_cells) {
        AppendLengthPrefixed(keys_, plan.KeyCell(cell, rows.cell(row, cell), scratch_));
      }
      entry.key_size = static_cast<uint32_t>(keys_.size() - entry.key_at);
      entry.key = Hash(key(entry));
    }
    entries_.push_back(entry);
  }
}

void HashedRows::Add(const Entry& entry, std::string_view key) {
  Entry copy = entry;
  copy.key_at = keys_.size();
  copy.key_size = static_cast<uint32_t>(key.size());
  keys_.append(key);
  entries_.push_back(copy);
}

void HashedRows::Sort() {
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.key, a.row) < std::tie(b.key, b.row);
  });
}

// Both sides are walked in hash order. A key is a group of one row on each side, normally; a
// destination without the unique key may hold more, so the groups are compared as multisets.
std::vector<Suspect> Match(HashedRows& source, HashedRows& destination) {
  source.Sort();
  destination.Sort();
  const auto& s = source.entries();
  const auto& d = destination.entries();
  std::vector<Suspect> out;
  for (size_t i = 0, j = 0; i < s.size() || j < d.size();) {
    const bool from_source = j == d.size() || (i < s.size() && s[i].key <= d[j].key);
    const RowHash key = from_source ? s[i].key : d[j].key;
    const std::string_view bytes = from_source ? source.key(s[i]) : destination.key(d[j]);
    const size_t i_begin = i, j_begin = j;
    while (i < s.size() && s[i].key == key) ++i;
    while (j < d.size() && d[j].key == key) ++j;
    const bool is_equal =
        std::equal(s.begin() + i_begin, s.begin() + i, d.begin() + j_begin, d.begin() + j,
                   [](const auto& a, const auto& b) { return a.row == b.row; });
    if (is_equal) continue;
    out.push_back({key, std::string(bytes),
                   static_cast<int64_t>(i - i_begin) - static_cast<int64_t>(j - j_begin)});
  }
  return out;
}

HashSpill::HashSpill(const std::string& directory, uint32_t parts, int level)
    : directory_(directory), level_(level), rows_(parts, 0) {
  std::error_code failure;
  std::filesystem::create_directories(directory, failure);
  if (failure) {
    errno = failure.value();
    Fail();
  }
  for (uint32_t part = 0; part < parts; ++part) {
    std::string name = directory + "/spill-XXXXXX";
    int fd = mkostemp(name.data(), O_CLOEXEC);
    if (fd < 0) Fail();
    unlink(name.c_str());
    files_.emplace_back(fdopen(fd, "w+b"));
    if (!files_.back()) Fail();
  }
}

void HashSpill::Add(const HashedRows& rows) {
  for (const HashedRows::Entry& entry : rows.entries()) {
    const uint32_t part = static_cast<uint32_t>(
        XXH3_64bits_withSeed(&entry.key, sizeof(entry.key), level_) % parts());
    std::string_view key = rows.key(entry);
    Write(part, &entry.key, sizeof(entry.key));
    Write(part, &entry.row, sizeof(entry.row));
    Write(part, &entry.key_size, sizeof(entry.key_size));
    Write(part, key.data(), key.size());
    ++rows_[part];
  }
}

void HashSpill::Write(uint32_t part, const void* bytes, size_t size) {
  if (std::fwrite(bytes, 1, size, files_[part].get()) != size) Fail();
}

void HashSpill::Rewind(uint32_t part) {
  if (std::fflush(files_[part].get()) != 0) Fail();
  std::rewind(files_[part].get());
}

bool HashSpill::ReadPiece(uint32_t part, HashedRows& piece) {
  std::FILE* file = files_[part].get();
  std::string key;
  while (piece.size() < kPieceRows) {
    HashedRows::Entry entry;
    if (std::fread(&entry.key, 1, sizeof(entry.key), file) != sizeof(entry.key)) {
      if (std::ferror(file)) Fail();
      break;
    }
    uint32_t size = 0;
    bool is_whole = std::fread(&entry.row, sizeof(entry.row), 1, file) == 1 &&
                    std::fread(&size, sizeof(size), 1, file) == 1;
    key.resize(size);
    if (!is_whole || std::fread(key.data(), 1, size, file) != size) Fail();
    piece.Add(entry, key);
  }
  return piece.size() > 0;
}

void HashSpill::Fail() const {
  throw Error(
      {.code = "VERIFICATION_SPILL_FAILED",
       .kind = ErrorKind::kBlocked,
       .object = directory_,
       .native = errno,
       .message = fmt::format("cannot keep row hashes in {}: {}", directory_, std::strerror(errno)),
       .cause = "the disk is full, or the directory cannot be written",
       .remedy = "make room there or fix its permissions, then resume"});
}

}  // namespace godwit
