// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/error.h"
#include "endpoint/sink.h"
#include "metadata/metadata.h"
#include "pipeline/blocked.h"

namespace godwit {

// A row of a copy that the destination does not take.
struct UnfitRow {
  size_t row = 0;           // in the batch it was loaded from
  std::string id;           // the same each time the row is read
  std::string description;  // for people
  Error error;
};

// Loads what fits of the rows into the open transaction and returns how many: what is refused as a
// whole (kData) is halved down to the single row. `on_unfit` is called for each of those; false
// ends the work, for a transaction that is to be rolled back. Other errors are thrown.
uint64_t LoadWhatFits(Sink& sink, const WritePlan& plan, const RowBatch& rows,
                      const std::function<bool(UnfitRow row)>& on_unfit);

// The rows of a project's copies that the user has given up. They are kept in its settings, and say
// only that a row need not be asked about again when it still does not fit. Any thread.
class LeftOutRows {
 public:
  LeftOutRows(Metadata& metadata, int64_t project) : metadata_(metadata), project_(project) {}

  bool Contains(const TableName& table, const UnfitRow& row) const;
  // kSkip and kDone leave the row out; with any other answer nothing happens.
  void Note(const TableName& table, const UnfitRow& row, const Answer& answer);
  // Before `destination` is emptied, with the rows in it that the user has written by hand: every
  // kDone of the table is asked about again, also one that nobody has obeyed yet. kSkip stays.
  void ForgetDone(const TableName& table, const TableName& destination);

 private:
  Metadata& metadata_;
  const int64_t project_;
};

// What the user is shown of it.
BlockedItem ItemOf(const TableName& table, const UnfitRow& row);

}  // namespace godwit
