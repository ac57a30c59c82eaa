// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "endpoint/dialect.h"
#include "pipeline/compare_table.h"
#include "stage/stage.h"

namespace godwit {

struct TableVerdict {
  uint64_t rows = 0;
  uint64_t only_source = 0;
  uint64_t only_destination = 0;
  uint64_t different = 0;
  uint64_t computed = 0;  // different in generated columns only
  uint64_t unsettled = 0;
  uint64_t bytes = 0;  // rows read; digests move none

  uint64_t inconsistent() const { return only_source + only_destination + different + computed; }
};

// Writes down what one round of verification finds, one set of files per table with differences,
// named after the source's table (a long name is cut and ends with a hash):
//   .diff  for people: a line per row, then one per differing column, source → destination; behind
//          these the rows that a correction could not write
//   .sql   statements for the destination that would correct it; each matches the whole old row, so
//          that it cannot overwrite anything newer; none for what the destination computes
//   .keys  keys of rows that a correction takes from the source (lengths and canonical cells)
// Thread-safe.
class VerificationReport : public CompareListener {
 public:
  using OnFinished = std::function<void(const CompareJob& job, const TableVerdict& verdict)>;

  VerificationReport(std::string directory, const Dialect& destination, StageProgress& progress,
                     OnFinished on_finished);

  void Compared(const CompareJob& job, uint64_t rows, uint64_t bytes) override;
  void Found(const CompareJob& job, const Difference& difference) override;
  void Unsettled(const CompareJob& job, const KeyTuple& key) override;
  void Finished(const CompareJob& job) override;

  // In place of what was found of a table whose definition changed each time it was compared.
  void KeptChanging(const CompareJob& job);

  // That a correction has left the row as it is, and why; behind what was found of its table.
  void NotCorrected(const CompareJob& job, const KeyTuple& key, const Error& why);
  // The same of so many rows.
  void NotCorrected(const CompareJob& job, uint64_t rows, const Error& why);

  // Forgets what was found of a table; its comparison begins again.
  void Restart(const TableName& table);
  std::string Path(const TableName& table, std::string_view extension) const;

  // Calls `take` with up to `count` keys of a .keys file at a time.
  static void ReadKeys(const std::string& path, size_t count,
                       const std::function<void(const std::vector<KeyTuple>&)>& take);

 private:
  struct Table {
    Mutex mutex;
    TableVerdict verdict;
    std::ofstream diff;
    std::ofstream sql;        // deletes, which may free what the others need
    std::ofstream sql_later;  // the others; appended in the end
    std::ofstream keys;
  };

  Table& Of(const CompareJob& job);
  // At the end of a .diff file that an earlier report may have written.
  void AddLines(const CompareJob& job, const std::string& lines);
  void Write(std::ofstream& file, const TableName& table, std::string_view extension,
             const std::string& text);
  std::string Statement(const ComparePlan& plan, const Difference& difference) const;

  const std::string directory_;
  const Dialect& destination_;
  StageProgress& progress_;
  const OnFinished on_finished_;
  Mutex mutex_;
  std::map<TableName, std::unique_ptr<Table>> tables_ GUARDED_BY(mutex_);
};

}  // namespace godwit
