// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "pipeline/link.h"
#include "stage/journal.h"
#include "stage/schema.h"
#include "stage/selection.h"
#include "stage/stage.h"

namespace godwit {

// Asks both servers, and the selection itself, whether the migration can go well, before anything
// is written. Each item's outcome is a journal entry; skipped items are recorded as such. What is
// to be made of each object is in the journal's "plan", to be looked at and edited. Throws
// PRECHECK_FAILED (kBlocked) when an item fails; warnings are for the caller to judge.
class PrecheckStage : public Stage {
 public:
  struct Options {
    bool writes = true;  // the run writes to the destination: it migrates or corrects
  };
  PrecheckStage(Link& link, Options options);
  std::string_view name() const override { return "precheck"; }
  void Run(std::stop_token stop) override;

  const std::vector<CheckResult>& results() const { return results_; }
  std::vector<std::string> warnings() const;

 private:
  void CheckAll(std::stop_token stop);
  // Whether an item fails for a table that the source has no longer.
  bool FailsForLost();
  void CheckSelection();
  // Says where two of the source's objects go to one name; returns it as the destination keeps it.
  TableName CheckName(const TableName& name, const TableName& to,
                      std::map<TableName, TableName>& sources);
  // The user has given the statement that makes it.
  bool IsEdited(const TableName& name) const;
  void AddUnconverted(const TableName& name, const Error& error);
  // Notes what `convert` tells of the object, and what it throws.
  void Plan(const TableName& name, const std::function<void(nlohmann::json&)>& convert);
  void CheckViews();
  // What it reads from that is neither carried over nor at the destination.
  std::set<TableName> MissingFor(const ViewSchema& view, TakenNames& here, TakenNames& there) const;
  void CheckMapping(const TableSchemaPtr& source, const TableSchemaPtr& destination);
  void CheckRules(const SelectionPreview& preview);
  void CheckRuleColumns();
  void CheckHeartbeat();
  // Of all tables, as far as some seconds of reading tell.
  void MeasureRows(CheckRequest& request);
  void CheckDestinationObjects();
  void CheckDestinationTable(Catalog& catalog, TakenNames& taken, const TableSchema& table);
  void CheckDestinationView(TakenNames& taken, const SelectionPreview::Selected& view);
  void CheckLiveKeys(Catalog& catalog, const TableSchema& existing, const TableSchema& table);
  void AddMissing(CheckResult result);
  void CheckForeignKeys();
  void CheckUniqueKeys(std::stop_token stop);
  void CheckServer(Endpoint& endpoint, Side side);
  void Record();
  void Add(CheckResult result) { results_.push_back(std::move(result)); }
  CheckResult Item(std::string item, Side side, const TableName& table) const;
  // What makes a look at one object fail is that object's outcome: the others are looked at too.
  void Look(const std::string& item, Side side, const TableName& object,
            const std::function<void()>& look);
  bool IsSkipped(const std::string& item) const;

  Link& link_;
  const Options options_;
  StageJournal journal_;
  std::vector<CheckResult> results_;
  std::vector<TableSchemaPtr> tables_;        // selected, as the source has them
  std::vector<TableSchemaPtr> destinations_;  // the same, as they are to be at the destination
  std::vector<TableSchema> edited_;  // of what only the user's words can make, the names there
  std::vector<SelectionPreview::Selected> views_;
};

// Throws ITEM_UNKNOWN (kBlocked) where one of the names is none of an item that there can be.
void RequireItems(const std::vector<std::string>& names);

}  // namespace godwit
