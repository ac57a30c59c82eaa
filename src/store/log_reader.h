// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rocksdb/iterator.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/byte_reader.h"
#include "store/log_entry.h"
#include "store/store.h"

namespace godwit {

class RocksStore;

// Walks the parts with one iterator, which mostly stands where the next transaction begins. An
// iterator shows the database as it was when made or refreshed: for a transaction committed later
// it may show parts that a savepoint rollback has replaced since, so it is refreshed first.
class RocksLogReader : public LogReader {
 public:
  RocksLogReader(RocksStore& store, Sequence after) : store_(store), at_(after) {}

  std::optional<LoggedTransaction> NextTransaction(Deadline deadline,
                                                   std::stop_token stop) override;
  bool NextPart(LogPart& part) override;

 private:
  // The stored part whose turn it is, valid until Advance.
  std::string_view Value();
  void Advance();
  void Stand(const std::string& key);
  void CheckWidth(const RowsChange& change);
  void Decode(std::string_view value, LogPart& part);
  RowsChange PutTogether(ByteReader& head);
  [[noreturn]] void FailMissing();

  RocksStore& store_;
  Sequence at_;
  LogEntry entry_;
  uint64_t next_part_ = 0;
  std::unique_ptr<rocksdb::Iterator> parts_;
  Sequence shown_ = 0;  // every transaction up to here is shown by parts_ as committed
  uint64_t read_since_refresh_ = 0;
};

}  // namespace godwit
