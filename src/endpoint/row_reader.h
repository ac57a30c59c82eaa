// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/chunk.h"
#include "model/position.h"
#include "model/row_batch.h"

namespace godwit {

// Which columns of a table are read, and the key its ranges are over. Columns and key are ordinals
// of table->columns; `key` empty for a keyless table (only the open range can be read then).
struct ScanPlan {
  TableSchemaPtr table;
  std::vector<int> columns;
  std::vector<int> key;
};

// Rows of a range, counted and summed up; equal rows give equal sums on every server that CanDigest
// the plan. Sums wrap modulo 2^64 and never XOR.
struct Digest {
  uint64_t rows = 0;
  uint64_t sum = 0;

  bool operator==(const Digest&) const = default;
};

// What is summed up over a row's text, and how surely another row makes another sum.
//   kQuick    CRC32(text) × (CRC32(key's text) + 1). Rows do not cancel each other out, since each
//             has a factor of its own (2^-60). One row that is changed in any way passes for the
//             old one if its CRC32 does (2^-32; never if at most four bytes in a row changed).
//             Needs a key.
//   kCertain  64 bits of SHA-256(text): 2^-64 whatever was changed.
enum class DigestStrength { kQuick, kCertain };

// Reads rows in canonical cells over its own connection. One thread at a time. Every read is of the
// latest committed rows, or of the snapshot while one is held.
class RowReader {
 public:
  virtual ~RowReader() = default;

  // Holds one consistent snapshot and returns the log position that separates what it shows from
  // what it does not show, exactly; blocked error where the source cannot prove it.
  virtual Position BeginSnapshot() = 0;
  virtual void EndSnapshot() = 0;

  // The key `rows` rows above `after` (exclusive) in key order, not above `through`; nullopt if
  // fewer rows are left.
  virtual std::optional<KeyTuple> Boundary(const ScanPlan& plan, const KeyRange& within,
                                           uint64_t rows) = 0;

  // Starts reading the range in key order. Ends an unfinished read.
  virtual void Open(const ScanPlan& plan, const KeyRange& range) = 0;
  // Appends rows until the batch holds `max_bytes` or `max_rows`; false when the range is exhausted
  // (the batch may hold its last rows).
  virtual bool Read(RowBatch& batch, size_t max_rows, size_t max_bytes) = 0;

  // Rows with these whole keys, in any order.
  virtual void ReadKeys(const ScanPlan& plan, const std::vector<KeyTuple>& keys,
                        RowBatch& batch) = 0;

  // Whether the server can compute digests of all these columns that equal those of every other
  // server that can. What it cannot digest is compared by reading.
  virtual bool CanDigest(const ScanPlan& plan) = 0;
  virtual Digest DigestRange(const ScanPlan& plan, const KeyRange& range,
                             DigestStrength strength) = 0;
  // The same by hash of the row: rows whose CRC32 over the key's canonical text (keyless: over all
  // columns') is b modulo `buckets` make up digest b. For keys that the two servers order
  // differently, and for keyless tables. Needs CanDigest.
  virtual std::vector<Digest> DigestBuckets(const ScanPlan& plan, uint32_t buckets,
                                            DigestStrength strength) = 0;
  // Like Open, for the rows of one such bucket, in no particular order.
  virtual void OpenBucket(const ScanPlan& plan, uint32_t bucket, uint32_t buckets) = 0;
  // Interrupts a running call from another thread; that call throws Stopped. Any thread.
  virtual void Cancel() = 0;
};

}  // namespace godwit
