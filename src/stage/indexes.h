// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "endpoint/dialect.h"
#include "endpoint/sink.h"
#include "pipeline/link.h"
#include "stage/journal.h"
#include "stage/stage.h"

namespace godwit {

// Creates what was left out for the copy: plain secondary indexes, those of several tables at once,
// then foreign keys; one statement each, with its own journal entry. One that fails does not stop
// the rest, but the stage ends with INDEXES_INCOMPLETE until each is done or skipped. Foreign keys
// are made without looking at the rows (checks are off): they hold once both sides are equal, which
// verification shows.
class IndexesStage : public Stage {
 public:
  explicit IndexesStage(Link& link);
  std::string_view name() const override { return "indexes"; }
  void Run(std::stop_token stop) override;

  // Makes the plain indexes of a table whose rows are all there, while others are still copied. Run
  // finds them; what fails here is tried again and told there.
  static void MakeEarly(Link& link, Sink& sink, const TableSchema& source, std::stop_token stop);

 private:
  using Existing = std::map<TableName, TableSchema>;

  std::vector<TableSchema> Tables();
  void CreateIndexes(const std::vector<std::vector<Statement>>& by_table, const Existing& existing,
                     std::stop_token stop);
  // An index whose statement was running when a crash came.
  void DropCutOff(Sink& sink, const Statement& statement, const TableSchema& existing,
                  std::stop_token stop);
  void Create(Sink& sink, const Statement& statement, const TableSchema& existing,
              std::stop_token stop);

  Link& link_;
  StageJournal journal_;
  std::set<std::pair<TableName, std::string>> needed_;  // foreign keys that do what nobody logs
  std::atomic<int> failed_ = 0;
};

}  // namespace godwit
