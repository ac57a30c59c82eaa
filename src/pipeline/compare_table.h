// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "pipeline/compare_pair.h"
#include "pipeline/compare_plan.h"
#include "pipeline/compare_rows.h"
#include "pipeline/recheck.h"
#include "pipeline/throttle.h"

namespace godwit {

// Told what comparing finds, from any of its threads.
class CompareListener {
 public:
  virtual ~CompareListener() = default;
  virtual void Compared(const CompareJob& job, uint64_t rows, uint64_t bytes) = 0;
  virtual void Found(const CompareJob& job, const Difference& difference) = 0;
  // One row that kept changing while it was looked at; key empty for a table without one.
  virtual void Unsettled(const CompareJob& job, const KeyTuple& key) = 0;
  virtual void Finished(const CompareJob& job) = 0;
};

struct CompareSizes {
  uint64_t digest_rows = 50'000;  // of a range whose digests the servers compute
  uint64_t read_rows = 4'000;     // of a range that is read
  uint64_t held_rows = 400'000;   // most rows of one side held as hashes
  uint64_t bucket_rows = 20'000;  // rows a hash bucket should have
  uint32_t buckets_to_read = 4;   // differing buckets read one by one; more: the table once
};

struct CompareOptions {
  DigestStrength strength = DigestStrength::kQuick;  // kCertain for a table without key in any case
  SettleOptions settle;
  CompareSizes sizes;
  std::string spill_directory;
};

// Compares pieces of tables over one pair of connections. One thread.
class TableComparer {
 public:
  TableComparer(ComparePair& pair, ChangeWatch* watch, const CompareOptions& options,
                Throttle& throttle, CompareListener& listener)
      : pair_(pair),
        watch_(watch),
        recheck_(pair, watch, options.settle),
        options_(options),
        sizes_(options.sizes),
        throttle_(throttle),
        listener_(listener) {}

  // Whether both servers can compute this table's digests.
  bool CanDigest(const CompareJob& job, std::stop_token stop);

  // The rows of one range of a key both sides order alike. By digests: where they differ the range
  // is cut and cut again, until it is small enough to be read. Else, and in the end: both sides'
  // rows are read as hashes and matched by key.
  void DigestRange(const CompareJob& job, const KeyRange& range, std::stop_token stop);
  void ReadRange(const CompareJob& job, const KeyRange& range, std::stop_token stop);

  // A whole table by hash buckets of its rows; differing buckets are read.
  void Buckets(const CompareJob& job, std::stop_token stop);
  // A whole table by reading both sides once, through spilled row hashes.
  void ReadAll(const CompareJob& job, std::stop_token stop);

 private:
  enum class End { kSource, kDestination };
  struct Collected;
  struct Unit;

  DigestStrength StrengthFor(const ComparePlan& plan) const {
    return plan.has_key() ? options_.strength : DigestStrength::kCertain;
  }
  // A range that cannot be cut, because one key has very many rows.
  void ReadSpilled(const CompareJob& job, const KeyRange& range, std::stop_token stop);
  void Settle(const CompareJob& job, std::vector<Suspect> suspects, std::stop_token stop);
  // Into ranges of so many rows at that end; one range where it cannot be cut.
  std::vector<KeyRange> Cut(const CompareJob& job, const KeyRange& range, End end, uint64_t rows,
                            std::stop_token stop);
  using OpenRead = std::function<void(RowReader& reader, const ScanPlan& scan)>;
  using TakeRows = std::function<bool(const RowBatch& rows, uint64_t bytes)>;
  // Hands over the rows of what `open` opened, in carried cells; `take` returns false to end early.
  void ReadSide(const CompareJob& job, End end, RowReader& reader, const OpenRead& open,
                const TakeRows& take, std::stop_token stop);
  void ReadUnit(const CompareJob& job, Unit& unit, End end, RowReader& reader,
                std::stop_token stop);
  void CompareKeyed(const CompareJob& job, Unit& unit, std::stop_token stop);
  void CompareWhole(const CompareJob& job, Unit& unit, std::stop_token stop);
  void MatchSpills(HashSpill& source, HashSpill& destination, int level,
                   const std::function<void(std::vector<Suspect>)>& take);
  void Report(const CompareJob& job, const Unit& unit, std::vector<Suspect> suspects);
  // Rows of a table without key that differ only in what the destination computes: told of, and
  // taken off their suspects.
  void ReportComputed(const CompareJob& job, const Unit& unit, std::vector<Suspect>& suspects);

  ComparePair& pair_;
  ChangeWatch* watch_;
  Rechecker recheck_;
  const CompareOptions& options_;
  const CompareSizes& sizes_;
  Throttle& throttle_;
  CompareListener& listener_;
};

}  // namespace godwit
